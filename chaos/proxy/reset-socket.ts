import type { Socket } from 'node:net'

/**
 * Closes a socket with an RST; one that is just being closed, as it is, since that can be reset no more: Node would
 * say EINVAL and keep it open for ever.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
