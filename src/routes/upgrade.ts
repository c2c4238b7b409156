// Requests that may leave HTTP behind: they take the same way through the routes as all others.
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { hasBody } from './request-problem.ts'

/** The one protocol that is tunnelled. */
export const WEBSOCKET = 'websocket'

/** Routes upgrade requests like any other, with a response on their own connection, which ends with them. */
export function acceptUpgrades(app: FastifyInstance): void {
  app.server.on('upgrade', (request, duplex, head) => {
    const socket = duplex as Socket
    // Its 'close' is listened for, and follows.
    socket.on('error', () => {})
    if (head.length > 0) socket.unshift(head)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.once('finish', () => socket.destroySoon())
    app.routing(request, response)
  })
}

/** Does this request ask to go on as a WebSocket? */
export function isHandshake(request: IncomingMessage): boolean {
  const { method, headers, httpVersionMinor } = request
  const asksForOne = headers.upgrade?.toLowerCase() === WEBSOCKET
  return asksForOne && method === 'GET' && httpVersionMinor === 1 && !hasBody(request)
}
