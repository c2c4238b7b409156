// Requests that Node's parser does not take. Nobody hears of them but here.
import type { Socket } from 'node:net'

/** What the real server answers before it closes: its status, twice. One that comes too slowly is closed without a word. */
export function refuseMalformed({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET' || code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    socket.destroy()
    return
  }
  const status = code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const head = ['Content-Type: text/plain; charset=utf-8', 'Connection: close']
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${status}`)
}
