import { connect } from 'node:net'

/** How a raw exchange went: every byte that came, and whether the connection was reset. */
export interface RawAnswer {
  text: string
  status: number
  isReset: boolean
}

/** Sends these bytes as they are and reads until the server ends the connection. */
export function rawExchange(port: number, bytes: string): Promise<RawAnswer> {
  return new Promise(resolve => {
    let text = ''
    let isReset = false
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      isReset = error.code === 'ECONNRESET'
    })
    socket.on('close', () => resolve({ text, status: Number(text.slice(9, 12)), isReset }))
  })
}

/** A GET of this target, byte for byte, on a connection of its own; by the name that `fetch` asks for, too. */
export function rawGet(
  port: number,
  target: string,
  headers: string[] = [],
  host = `127.0.0.1:${port}`,
): Promise<RawAnswer> {
  const fields = [`Host: ${host}`, 'Connection: close', ...headers]
  return rawExchange(port, `GET ${target} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
}
