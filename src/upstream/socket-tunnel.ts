import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { GatewayError } from '../errors.ts'
import type { Tunnel } from '../guards/guard.ts'

/** Once one side has ended, so much silence of the other ends that, too. */
const HALF_OPEN_IDLE_MS = 1_000

/**
 * Joins a client's connection to the upstream's, once both have left HTTP. Each side is read at the pace of the
 * other, and ends as the other does: by a FIN after a FIN, by a reset after a reset.
 */
export class SocketTunnel implements Tunnel {
  readonly #upstream: Socket
  readonly #idleMs: number
  #client: Socket | null = null
  #isOver = false
  #reason: Error | null = null
  #settled: ((reason: Error | null) => void)[] = []

  constructor(upstream: Socket, idleMs: number) {
    this.#upstream = upstream
    this.#idleMs = idleMs
    // Each direction ends by itself.
    upstream.allowHalfOpen = true
    upstream.setTimeout(0)
    upstream.on('error', cause =>
      this.abort(new GatewayError('upstream-reset', 'the tunnel broke at the upstream', { cause })),
    )
    upstream.once('close', () => this.#end(null))
  }

  join(client: Duplex): void {
    const socket = client as Socket
    this.#client = socket
    socket.on('error', cause => this.abort(clientGone(cause)))
    socket.once('close', () => this.#end(null))
    if (this.#isOver || socket.destroyed) {
      this.abort(clientGone())
      return
    }
    // Every byte passes through the client's connection, whichever way it goes.
    socket.setTimeout(this.#idleMs, () => this.close())
    const halfOpen = () => socket.setTimeout(Math.min(this.#idleMs, HALF_OPEN_IDLE_MS))
    socket.once('end', halfOpen)
    this.#upstream.once('end', halfOpen)
    socket.pipe(this.#upstream)
    this.#upstream.pipe(socket)
  }

  /** Ends both sides in good order. */
  close(): void {
    this.#client?.destroySoon()
    this.#upstream.destroySoon()
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    if (this.#client !== null) reset(this.#client)
    reset(this.#upstream)
    this.#end(reason)
  }

  onEnd(settled: (reason: Error | null) => void): void {
    if (this.#isOver) settled(this.#reason)
    else this.#settled.push(settled)
  }

  #end(reason: Error | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason ??= reason
    // One side is gone altogether: what the other still gets is in its buffers.
    this.close()
    const settled = this.#settled
    this.#settled = []
    for (const settle of settled) settle(reason)
  }
}

/** TLS has no reset, but its end without a word is as good as one. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

function clientGone(cause?: Error): GatewayError {
  return new GatewayError('client-gone', 'the tunnel broke at the client', { cause })
}
