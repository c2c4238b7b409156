import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { startChild } from '../../chaos/supervise.ts'
import { quiet } from './toxic-lab.ts'

const ENTRY = join(import.meta.dirname, 'children/black-hole.ts')

/** A listener whose process is stopped and whose backlog is full: connections to it hang. */
export async function startBlackHole() {
  const child = await startChild({ name: 'black hole', entry: ENTRY, readyWithinMs: 10_000 })
  await child.pause()
  const address = `127.0.0.1:${child.ports.tcp}`
  const sockets: Socket[] = []
  let isFull = false
  while (!isFull) {
    const socket = connect({ host: '127.0.0.1', port: child.ports.tcp! })
    sockets.push(socket.on('error', () => {}))
    const connected = once(socket, 'connect').then(
      () => false,
      () => false,
    )
    isFull = await Promise.race([connected, quiet(250).then(() => true)])
  }
  const close = () => {
    for (const socket of sockets) socket.destroy()
    return child.kill()
  }
  return { address, close }
}
