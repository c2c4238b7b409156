// Requests that may leave HTTP behind: they take the same way through the routes as all others.
import { Buffer } from 'node:buffer'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { hasBody } from './request-problem.ts'
import { answerDueOn } from './turn.ts'

/** The one protocol that is tunnelled. */
export const WEBSOCKET = 'websocket'

/** Most bytes that are taken from a client before it knows that its handshake has succeeded. */
const MOST_AHEAD_BYTES = 65_536

/** At shutdown the client of a tunnel has so long to take what is left. */
const LAST_BYTES_MS = 500

/**
 * Routes upgrade requests like any other, with a response on their own connection, which ends with them. Returns the
 * way to end those connections that Node knows of no more.
 * @param failed told of an error of the gateway itself: thrown here, it would end the process
 */
export function acceptUpgrades(app: FastifyInstance, failed: (error: unknown) => void): () => void {
  const open = new Set<Socket>()
  app.server.on('upgrade', (request, duplex, head) => {
    const socket = duplex as Socket
    // Its 'close' is listened for, and follows.
    socket.on('error', () => {}).once('close', () => open.delete(socket))
    open.add(socket)
    try {
      app.routing(request, new HandshakeResponse(request, socket, head))
    } catch (error) {
      failed(error)
      socket.destroy()
    }
  })
  return () => {
    for (const socket of open) end(socket)
  }
}

/** A tunnel is being ended by then. */
function end(socket: Socket): void {
  if (answerDueOn(socket) !== null) {
    socket.destroy()
    return
  }
  const timer = setTimeout(() => socket.destroy(), LAST_BYTES_MS)
  socket.once('close', () => clearTimeout(timer))
}

/**
 * The response to a handshake. Its connection is read on until it is answered, for only so a client that hangs up is
 * noticed; what has come is given back with the connection.
 */
class HandshakeResponse extends ServerResponse {
  readonly #ahead: Buffer[] = []
  #length = 0

  constructor(request: IncomingMessage, socket: Socket, head: Buffer) {
    super(request)
    this.shouldKeepAlive = false
    this.assignSocket(socket)
    this.once('finish', () => socket.destroySoon())
    if (head.length > 0) socket.unshift(head)
    socket.on('data', this.#take).once('end', this.#hangUp)
  }

  override detachSocket(socket: Socket): void {
    super.detachSocket(socket)
    socket.off('data', this.#take).off('end', this.#hangUp).pause()
    if (this.#length > 0) socket.unshift(Buffer.concat(this.#ahead))
  }

  readonly #take = (chunk: Buffer): void => {
    this.#ahead.push(chunk)
    this.#length += chunk.length
    if (this.#length >= MOST_AHEAD_BYTES) this.socket?.pause()
  }

  /** As Node does with every other connection. */
  readonly #hangUp = (): void => {
    this.socket?.end()
  }
}

/** Does this request ask to go on as a WebSocket? */
export function isHandshake(request: IncomingMessage): boolean {
  const { method, headers, httpVersionMinor } = request
  const asksForOne = headers.upgrade?.toLowerCase() === WEBSOCKET
  return asksForOne && method === 'GET' && httpVersionMinor === 1 && !hasBody(request)
}

/** May its connection leave HTTP? Not while an earlier answer is due there: then it is answered in turn, as it stands. */
export function mayUpgrade(request: IncomingMessage): boolean {
  return isHandshake(request) && answerDueOn(request.socket) === null
}
