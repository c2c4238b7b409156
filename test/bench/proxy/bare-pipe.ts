// A bare Node pipe: what any proxy written in Node costs at the least, unless it is cleverer than the streams it is made of.
import { connect } from 'node:net'
import { listen, sayReady } from '../child.ts'

/** The ports to pipe to, as `name=port`; listens once for each, under the same name. */
const targets = process.argv.slice(2).map(word => word.split('=') as [string, string])

const ports = targets.map(async ([name, port]) => {
  const own = await listen(client => {
    const server = connect({ host: '127.0.0.1', port: Number(port), noDelay: true })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.pipe(other)
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  return [name, own] as const
})

sayReady(Object.fromEntries(await Promise.all(ports)))
