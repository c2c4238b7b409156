import { type End, listenTcp } from './tcp.ts'

/** An upstream on a plain TCP socket: it writes down every byte that reached it, and answers with the bytes it is given. */
export interface RawUpstream {
  readonly url: string
  readonly port: number
  /** Its connections, in order. */
  readonly ends: End[]
  /** Every byte that reached it, on whatever connection. */
  received(): string
  /** Called with each connection that has brought the end of a header. */
  answer: (end: End) => void
  close(): Promise<void>
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export async function startRawUpstream(): Promise<RawUpstream> {
  const upstream = { answer: (end: End) => void end.socket.write(OK) }
  const { port, address, ends, close } = await listenTcp(end => {
    let unread = ''
    end.socket.on('data', data => {
      unread += data.toString('latin1')
      if (!unread.includes('\r\n\r\n')) return
      unread = ''
      upstream.answer(end)
    })
  })
  const received = () => ends.map(end => end.received().toString('latin1')).join('')
  return Object.assign(upstream, { port, url: `http://${address}`, ends, received, close })
}

/** Writes these bytes to a connection. */
export function bytes(text: string): (end: End) => void {
  return ({ socket }) => void socket.write(text, 'latin1')
}

/** What was received, but for the time that was left, which is another each time. */
export function timeless(received: string): string {
  return received.replace(/^x-request-timeout-ms: \d+\r\n/gm, '')
}
