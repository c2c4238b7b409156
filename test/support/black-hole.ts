// An upstream to which connections hang.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { startChild } from '../../chaos/supervise.ts'
import { quiet } from './toxic-lab.ts'

const HANGS_AFTER_MS = 250

export interface BlackHole {
  address: string
  /** Accepts from now on; whoever is dialling gets through only with the system's next try, after a second or more. */
  heal(): Promise<void>
  close(): Promise<unknown>
}

/** A listener whose process is stopped and whose backlog is full. Once healed it greets with `hello`. */
export async function openBlackHole(): Promise<BlackHole> {
  const entry = join(import.meta.dirname, 'children/black-hole.ts')
  const child = await startChild({ name: 'black hole', entry, readyWithinMs: 10_000 })
  await child.pause()
  const sockets: Socket[] = []
  let isFull = false
  while (!isFull) {
    const socket = connect({ host: '127.0.0.1', port: child.ports.tcp! }).on('error', () => {})
    sockets.push(socket)
    const connected = once(socket, 'connect').then(() => false)
    isFull = await Promise.race([connected.catch(() => true), quiet(HANGS_AFTER_MS).then(() => true)])
  }
  return {
    address: `127.0.0.1:${child.ports.tcp}`,
    async heal() {
      const areGreeted = sockets.slice(0, -1).map(socket => once(socket, 'data'))
      await child.resume()
      await Promise.all(areGreeted) // only then has its backlog room
    },
    close() {
      for (const socket of sockets) socket.destroy()
      return child.kill()
    },
  }
}
