import type { Socket } from 'node:net'
import { GatewayError, problemOf } from '../errors.ts'

/** Answers a connection whose bytes are not a request that Node accepts, then ends it. */
export function rejectConnection(error: Error & { code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const reason = refusalOf(error.code ?? '')
  const body = problemOf(reason)
  socket.end(
    `HTTP/1.1 ${reason.status} ${reason.refusal.title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function refusalOf(code: string): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('header-too-large', 'the header is over 16 KiB long')
  if (code === 'HPE_INVALID_URL')
    return new GatewayError('bad-path', 'the target holds a byte that no path may hold')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new GatewayError('upload-too-slow', 'the request did not arrive in time')
  }
  return new GatewayError('bad-request', `not a valid HTTP request: ${code}`)
}
