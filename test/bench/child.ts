// What the processes of the benches have in common: they listen, say so, and end with whoever started them.
import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'

const BACKLOG = 4_096

/** Listens on a free loopback port, and returns it. */
export async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => {}) // the other end counts what is missing
    onConnection(socket)
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG })
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

/** Has an HTTP server listen on a free loopback port, and says so. */
export function listenOn(server: HttpServer | Server): void {
  server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG }, () =>
    sayReady({ http: (server.address() as { port: number }).port }),
  )
}

/** Tells the parent that all is there. */
export function sayReady(ports: Record<string, number>): void {
  process.on('disconnect', () => process.exit())
  process.on('SIGTERM', () => process.exit())
  if (!process.connected) process.exit(1)
  process.send?.({ ready: true, ports })
}
