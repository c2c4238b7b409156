// Plain TCP ends for tests, which write down what came and when.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** One end of a connection, and what happened to it. Times are `performance.now()`. */
export interface End {
  socket: Socket
  openedAt: number
  chunks: { at: number; data: Buffer }[]
  received(): Buffer
  /** How the stream ended: cleanly (FIN) or not (RST). */
  ending: 'fin' | 'rst' | undefined
  endedAt: number | undefined
}

export interface TcpServer {
  port: number
  address: string
  ends: End[]
  close(): Promise<void>
}

/** Keeps a record of a socket, and keeps half-open what the other side has closed. */
export function recordEnd(socket: Socket): End {
  const end: End = {
    socket,
    openedAt: performance.now(),
    chunks: [],
    received: () => Buffer.concat(end.chunks.map(({ data }) => data)),
    ending: undefined,
    endedAt: undefined,
  }
  const endWith = (ending: 'fin' | 'rst') => {
    end.ending ??= ending
    end.endedAt ??= performance.now()
  }
  socket.on('data', data => end.chunks.push({ at: performance.now(), data: data as Buffer }))
  socket.on('end', () => endWith('fin'))
  socket.on('error', () => endWith('rst'))
  return end
}

/** Listens on a free loopback port. */
export async function listenTcp(onConnection: (end: End) => void = () => {}): Promise<TcpServer> {
  const ends: End[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    const end = recordEnd(socket)
    ends.push(end)
    onConnection(end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    address: `127.0.0.1:${port}`,
    ends,
    async close() {
      for (const { socket } of ends) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}

/** Connects to `host:port`. */
export async function dialTcp(address: string): Promise<End> {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = connect({
    host: hostname.replace(/[[\]]/g, ''),
    port: Number(port),
    allowHalfOpen: true,
    noDelay: true,
  })
  await once(socket, 'connect')
  return recordEnd(socket)
}
