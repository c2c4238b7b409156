// One call to the upstream: undici's handler, driven by hand, with no stream object and no AbortSignal on the way.
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { isBuffered } from '../cache/policy.ts'
import { GatewayError } from '../errors.ts'
import type { GatewayRequest, GatewayResponse } from '../guards/guard.ts'
import { endToEnd, headerOf, without } from '../headers.ts'
import type { Connection } from './connections.ts'
import { upstreamFailure } from './failure.ts'
import { announcedTrailers, rawFields, trailersIn } from './raw-fields.ts'
import { SocketTunnel } from './socket-tunnel.ts'
import { StreamedBody, type StreamLimits } from './streamed-body.ts'
import { type UploadLimits, watchUpload } from './upload-watch.ts'

export interface CallOptions extends StreamLimits, UploadLimits {
  /** Sent as Host. */
  upstreamHost: string
  /** Put before every path; empty, or starting with a slash and not ending with one. */
  upstreamBasePath: string
  /** This gateway's name in Via. */
  viaName: string
  /** Answers up to this length are buffered where they may be stored; 0 streams everything. */
  bufferMaxBytes: number
  /** Most bytes of an answer that the gateway has to understand. */
  refineMaxBytes: number
  /** Longest silence in a tunnel. */
  tunnelIdleMs: number
}

/** Who hears what becomes of a call. */
export interface CallListener {
  answered(response: GatewayResponse): void
  refused(reason: GatewayError): void
  /** The answer is whole, or will never be. */
  ended(outcome: string): void
  /** undici has done with the connection. */
  isFree(connection: Connection): void
  /** Where a tunnel is entered while it is open. */
  readonly tunnels: Set<SocketTunnel>
}

const CONTENT_LENGTH = new Set(['content-length'])

export class UpstreamCall implements Dispatcher.DispatchHandler {
  readonly #request: GatewayRequest
  readonly #options: CallOptions
  readonly #listener: CallListener
  readonly #connection: Connection
  #isReleased = false
  #unlink: (() => void) | undefined
  #unwatch: (() => void) | undefined
  #controller: Dispatcher.DispatchController | null = null
  #state: 'waiting' | 'buffering' | 'streaming' | 'ended' = 'waiting'
  #reason: Error | null = null
  #status = 0
  #headers: string[] = []
  /** Collected until the answer is whole, or too long to be collected. */
  #chunks: Buffer[] = []
  #length = 0
  #body: StreamedBody | SocketTunnel | null = null

  constructor(request: GatewayRequest, options: CallOptions, connection: Connection, listener: CallListener) {
    this.#request = request
    this.#options = options
    this.#connection = connection
    this.#listener = listener
  }

  start(): void {
    const { method, path, headers, body, upgrade } = this.#request.parts
    this.#unlink = this.#request.onCancel(reason => this.abort(reason))
    if (this.#request.cancelled !== null) {
      this.#release()
      return
    }
    this.#connection.client.dispatch(
      {
        method,
        path: this.#options.upstreamBasePath + path,
        headers: headers.concat('host', this.#options.upstreamHost),
        // What undici needs of a stream, an upload has.
        body: body as unknown as Readable | null,
        blocking: false,
        upgrade: upgrade ?? null,
      },
      this,
    )
  }

  abort(reason: Error): void {
    if (this.#state === 'ended') return
    this.#reason = reason
    // undici answers with onResponseError at once; a call that still waits for its connection is let go here.
    if (this.#controller === null) this.#connection.stopConnecting()
    else this.#controller.abort(reason)
    this.#fail(reason)
  }

  // From undici.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, it leaves the connection to the next call.
    if (this.#reason !== null) throw this.#reason
    this.#controller = controller
    const { body } = this.#request.parts
    if (body !== null) this.#unwatch = watchUpload(body, this.#options, reason => this.abort(reason))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const fields = rawFields(controller.rawHeaders)
    if (status < 200) {
      this.#request.parts.inform?.(status, endToEnd(fields))
      return
    }
    this.#status = status
    this.#headers = endToEnd(fields).concat('Via', `1.1 ${this.#options.viaName}`)
    if (status === 204) this.#headers = without(this.#headers, CONTENT_LENGTH)
    const trailers = announcedTrailers(fields, this.#request)
    if (trailers !== undefined) this.#headers.push('Trailer', trailers)
    if (trailers === undefined && this.#isToBeBuffered()) this.#state = 'buffering'
    else this.#stream()
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body instanceof StreamedBody) {
      this.#body.take(chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#length += chunk.length
    this.#checkLength()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const isReset = this.#connection.socket?.errored != null
    this.#release()
    if (this.#state === 'ended') return
    // undici takes a reset for the end of a body that has no length.
    if (isReset) {
      this.#fail(new GatewayError('upstream-reset', 'the connection was reset within the body'))
      return
    }
    this.#end(null)
    if (this.#body instanceof StreamedBody) this.#body.finish(trailersIn(controller.rawTrailers))
    else this.#listener.answered(this.#wholeAnswer())
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#release()
    this.#fail(this.#reason ?? upstreamFailure(error, this.#controller !== null))
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    duplex: Duplex,
  ): void {
    this.#release()
    const tunnel = new SocketTunnel(duplex as Socket, this.#options.tunnelIdleMs)
    const fields = rawFields(controller.rawHeaders)
    const protocol = headerOf(fields, 'upgrade') ?? ''
    if (protocol.toLowerCase() === this.#request.parts.upgrade)
      this.#openTunnel(tunnel, status, fields, protocol)
    else {
      const reason = new GatewayError(
        'upstream-malformed',
        `it switched to "${protocol}", which nobody asked for`,
      )
      tunnel.abort(reason)
      this.#fail(reason)
    }
  }

  // Within.

  #openTunnel(tunnel: SocketTunnel, status: number, fields: readonly string[], protocol: string): void {
    this.#state = 'streaming'
    this.#status = status
    this.#body = tunnel
    const { tunnels } = this.#listener
    tunnels.add(tunnel)
    tunnel.onEnd(reason => {
      tunnels.delete(tunnel)
      this.#end(reason)
    })
    const headers = endToEnd(fields).concat('Upgrade', protocol, 'Connection', 'Upgrade')
    this.#listener.answered({ status, headers, body: tunnel })
  }

  #isToBeBuffered(): boolean {
    if (this.#request.parts.refine !== undefined) return true
    const most = this.#options.bufferMaxBytes
    return most > 0 && isBuffered(this.#request, this.#headers, most)
  }

  /** A body that grows past the limit streams on, what has come of it first. */
  #checkLength(): void {
    const { bufferMaxBytes, refineMaxBytes } = this.#options
    if (this.#request.parts.refine === undefined) {
      if (this.#length > bufferMaxBytes) this.#stream()
    } else if (this.#length > refineMaxBytes) {
      this.abort(new GatewayError('upstream-invalid', `the answer is over ${refineMaxBytes} bytes long`))
    }
  }

  #stream(): void {
    this.#state = 'streaming'
    this.#body = new StreamedBody(this.#controller!, this.#chunks, this.#options, reason =>
      this.abort(reason),
    )
    this.#listener.answered({ status: this.#status, headers: this.#headers, body: this.#body })
  }

  #wholeAnswer(): GatewayResponse {
    // Copied: a chunk is a window on a far larger buffer, which a cache would keep alive.
    const body = Buffer.concat(this.#chunks, this.#length)
    const hasContent = this.#request.parts.method !== 'HEAD' && this.#status !== 204 && this.#status !== 304
    return { status: this.#status, headers: hasContent ? sized(this.#headers, body) : this.#headers, body }
  }

  #release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#listener.isFree(this.#connection)
  }

  #fail(reason: Error): void {
    if (this.#state === 'ended') return
    const body = this.#body
    this.#end(reason)
    if (body === null) this.#listener.refused(reason as GatewayError)
    else if (body instanceof StreamedBody) body.fail(reason)
    else body.abort(reason)
  }

  #end(reason: Error | null): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#reason = reason
    this.#unlink?.()
    this.#unwatch?.()
    this.#listener.ended(reason === null ? `status-${Math.floor(this.#status / 100)}xx` : outcomeOf(reason))
  }
}

function sized(headers: readonly string[], body: Buffer): string[] {
  return without(headers, CONTENT_LENGTH).concat('Content-Length', String(body.length))
}

function outcomeOf(reason: Error): string {
  return reason instanceof GatewayError ? reason.code : 'discarded'
}
