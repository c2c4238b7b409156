// The far end of every subject: echoes, after a bare timer if told so, sends bodies, and swallows what it is sent.
// A process of its own: beside the load generator it would save each answer the wake-up that a real one costs.

import { listen, sayReady } from '../child.ts'
import { makeBody } from './body.ts'

const delayMs = Number(process.argv[2] ?? 0)
const body = makeBody()

const echo = await listen(socket => {
  socket.on('data', data => {
    if (delayMs === 0) socket.write(data)
    else setTimeout(() => socket.write(data), delayMs)
  })
})
const bodies = await listen(socket => {
  socket.on('data', asked => {
    for (let left = asked.length; left > 0; left--) socket.write(body)
  })
})
const sink = await listen(socket => socket.resume())

sayReady({ echo, bodies, sink })
