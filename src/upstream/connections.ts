// The connections to the upstream. Each has one call at a time, so that a call that is given up takes only its own along.
import type { Socket } from 'node:net'
import { buildConnector, Client } from 'undici'

export interface ConnectionOptions {
  /** Scheme and authority. */
  upstreamOrigin: string
  /** undici's own coarse limits: the last resort where no guard keeps a finer one. */
  upstreamBackstopMs: number
  upstreamConnectMs: number
}

/** A place for one call; undici opens its socket when there is none, and keeps it for the next call. */
export interface Connection {
  readonly client: Client
  readonly socket: Socket | undefined
  /** Ends an attempt to connect that nobody waits for any more. */
  stopConnecting(): void
  close(): Promise<void>
}

export interface Connections {
  /** The one used last: its socket is the likeliest to be still open. */
  take(): Connection
  giveBack(connection: Connection): void
  close(): Promise<void>
}

export function createConnections(options: ConnectionOptions): Connections {
  const origin = readOnce(options.upstreamOrigin)
  const all: Connection[] = []
  const idle: Connection[] = []
  const connect = buildConnector({ timeout: options.upstreamConnectMs, allowH2: false })
  const open = () => {
    const connection = openConnection(origin, options, connect)
    all.push(connection)
    return connection
  }
  return {
    take: () => idle.pop() ?? open(),
    giveBack: connection => void idle.push(connection),
    close: async () => void (await Promise.all(all.map(connection => connection.close()))),
  }
}

/** An origin whose parts are worked out once: undici asks for them several times a call, and a URL makes them anew. */
function readOnce(origin: string): URL {
  const url = new URL(origin)
  for (const part of ['origin', 'protocol'] as const) Object.defineProperty(url, part, { value: url[part] })
  return url
}

function openConnection(
  origin: URL,
  options: ConnectionOptions,
  connect: buildConnector.connector,
): Connection {
  let socket: Socket | undefined
  let isConnecting = false
  const client = new Client(origin, {
    pipelining: 1,
    allowH2: false,
    headersTimeout: options.upstreamBackstopMs,
    bodyTimeout: options.upstreamBackstopMs,
    connect(target, callback) {
      isConnecting = true
      const connected: buildConnector.Callback = (...result) => {
        isConnecting = false
        callback(...result)
      }
      // undici's types keep it to themselves that the connector returns its socket.
      socket = connect(target, connected) as unknown as Socket | undefined
    },
  })
  const stopConnecting = () => {
    // Without an error undici would not notice, and wait for its own limit.
    if (isConnecting) socket?.destroy(new Error('nobody waits for this connection any more'))
  }
  return {
    client,
    get socket() {
      return socket
    },
    stopConnecting,
    close() {
      stopConnecting()
      return client.destroy()
    },
  }
}
