// One call to the upstream: undici's handler, driven by hand, with no stream object and no AbortSignal on the way.

import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { isBuffered } from '../cache/sharing.ts'
import { GatewayError } from '../errors.ts'
import { TIMEOUT_FIELD } from '../guards/deadline.ts'
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { endToEnd, fieldsOf, headerListOf, headerOf } from '../headers.ts'
import { type Outcome, outcomeOfRefusal, outcomeOfStatus } from '../telemetry/outcome.ts'
import type { CallSpan } from '../telemetry/tracing.ts'
import { answerFields, trailersIn } from './answer-fields.ts'
import { BufferedBody } from './buffered-body.ts'
import type { Connection } from './connections.ts'
import { upstreamFailure } from './failure.ts'
import { SocketTunnel } from './socket-tunnel.ts'
import { StreamedBody, type StreamLimits } from './streamed-body.ts'
import { type UploadLimits, watchUpload } from './upload-watch.ts'

/** What is added to a moment and taken off again comes back a little less. */
const ROUNDING_MS = 0.001

export interface CallOptions extends StreamLimits, UploadLimits {
  /** Sent as Host. */
  upstreamHost: string
  /** Put before every path; empty, or starting with a slash and not ending with one. */
  upstreamBasePath: string
  /** What the gateway adds to Via. */
  via: string
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
  ended(outcome: Outcome, tookMs: number): void
  /** undici has done with the connection. */
  isFree(connection: Connection): void
  /** Where a tunnel is entered while it is open. */
  readonly tunnels: Set<SocketTunnel>
}

export class UpstreamCall implements Dispatcher.DispatchHandler {
  readonly #request: GatewayRequest
  readonly #options: CallOptions
  readonly #listener: CallListener
  readonly #connection: Connection
  readonly #begunAt = performance.now()
  #span: CallSpan | undefined
  #isReleased = false
  #unwatch: (() => void) | undefined
  #controller: Dispatcher.DispatchController | null = null
  #isOver = false
  #reason: Error | null = null
  #status = 0
  #headers: string[] = []
  #buffer: BufferedBody | null = null
  #flow: StreamedBody | SocketTunnel | null = null

  constructor(request: GatewayRequest, options: CallOptions, connection: Connection, listener: CallListener) {
    this.#request = request
    this.#options = options
    this.#connection = connection
    this.#listener = listener
  }

  start(): void {
    const { method, path, headers, body, upgrade, span } = this.#request.parts
    this.#request.link(this)
    if (this.#request.cancelled !== null) {
      this.#release()
      return
    }
    this.#request.trace.calls += 1
    this.#span = span?.call(this.#request.trace.calls)
    const fields = this.#span?.fields(headers) ?? headers
    this.#connection.client.dispatch(
      {
        method,
        path: this.#options.upstreamBasePath + path,
        headers: [...fields, 'host', this.#options.upstreamHost, ...this.#timeLeft()],
        // What undici needs of a stream, an upload has.
        body: body as unknown as Readable | null,
        blocking: false,
        upgrade: upgrade ?? null,
      },
      this,
    )
  }

  cancel(reason: Error): void {
    if (this.#isOver) return
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
    if (body !== null) this.#unwatch = watchUpload(body, this.#options, reason => this.cancel(reason))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    const fields = fieldsOf(headers)
    if (status < 200) {
      this.#request.parts.inform?.(status, endToEnd(fields))
      return
    }
    this.#request.noteAnswer()
    const coding = headerListOf(fields, 'transfer-encoding')
    if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
      // The chunks would be taken off, what is in them would not be told any more.
      this.cancel(new GatewayError('upstream-malformed', `its Transfer-Encoding is "${coding}", not chunked`))
      return
    }
    this.#status = status
    this.#headers = answerFields(fields, status, this.#request, this.#options.via)
    if (this.#isToBeBuffered(fields)) this.#buffer = new BufferedBody()
    else this.#stream([])
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#flow instanceof StreamedBody) this.#flow.take(chunk)
    else if (this.#buffer !== null) this.#checkLength(this.#buffer, this.#buffer.add(chunk))
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    const isReset = this.#connection.socket?.errored != null
    this.#release()
    if (this.#isOver) return
    // undici takes a reset for the end of a body that has no length.
    if (isReset) {
      this.#fail(new GatewayError('upstream-reset', 'the connection was reset within the body'))
      return
    }
    this.#end(null)
    if (this.#flow instanceof StreamedBody) this.#flow.finish(trailersIn(trailers))
    else
      this.#listener.answered(this.#buffer!.answer(this.#request.parts.method, this.#status, this.#headers))
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#release()
    const progress = { isConnected: this.#controller !== null, isAnswered: this.#status !== 0 }
    this.#fail(this.#reason ?? upstreamFailure(error, progress))
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    duplex: Duplex,
  ): void {
    this.#release()
    this.#request.noteAnswer()
    const tunnel = new SocketTunnel(duplex as Socket, this.#options.tunnelIdleMs)
    const fields = fieldsOf(headers)
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

  /**
   * Told anew at each attempt, so that the upstream need not go on when nobody waits any more. The deadline of a
   * request with a body counts from the body's end, so that it has all of it left.
   */
  #timeLeft(): readonly string[] {
    const { deadlineAt, arrivedAt, parts } = this.#request
    if (deadlineAt === Number.POSITIVE_INFINITY) return []
    const leftMs = deadlineAt - (parts.body === null ? this.#begunAt : arrivedAt)
    return [TIMEOUT_FIELD, String(Math.max(1, Math.floor(leftMs + ROUNDING_MS)))]
  }

  #openTunnel(tunnel: SocketTunnel, status: number, fields: readonly string[], protocol: string): void {
    this.#status = status
    this.#flow = tunnel
    const { tunnels } = this.#listener
    tunnels.add(tunnel)
    tunnel.onEnd(reason => {
      tunnels.delete(tunnel)
      this.#end(reason)
    })
    const headers = endToEnd(fields).concat('upgrade', protocol, 'connection', 'Upgrade')
    this.#listener.answered({ status, headers, body: tunnel })
  }

  /** @param fields as the upstream sent them, framing included */
  #isToBeBuffered(fields: readonly string[]): boolean {
    const { refine, takesTrailers } = this.#request.parts
    if (refine !== undefined) return true
    if (takesTrailers === true && headerOf(this.#headers, 'trailer') !== undefined) return false
    const most = this.#options.bufferMaxBytes
    return most > 0 && isBuffered(this.#request, this.#status, fields, most)
  }

  /** A body that grows past the limit streams on, what has come of it first. */
  #checkLength(buffer: BufferedBody, length: number): void {
    const { bufferMaxBytes, refineMaxBytes } = this.#options
    if (this.#request.parts.refine === undefined) {
      if (length > bufferMaxBytes) this.#stream(buffer.chunks)
    } else if (length > refineMaxBytes) {
      this.cancel(new GatewayError('upstream-invalid', `the answer is over ${refineMaxBytes} bytes long`))
    }
  }

  #stream(early: Buffer[]): void {
    this.#flow = new StreamedBody(this.#controller!, early, this.#options, reason => this.cancel(reason))
    this.#listener.answered({ status: this.#status, headers: this.#headers, body: this.#flow })
  }

  #release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#listener.isFree(this.#connection)
  }

  #fail(reason: Error): void {
    if (this.#isOver) return
    this.#end(reason)
    if (this.#flow === null) this.#listener.refused(reason as GatewayError)
    else if (this.#flow instanceof StreamedBody) this.#flow.fail(reason)
    else this.#flow.abort(reason)
  }

  #end(reason: Error | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    this.#request.unlink(this)
    this.#unwatch?.()
    const outcome = reason === null ? outcomeOfStatus(this.#status) : outcomeOf(reason)
    this.#listener.ended(outcome, performance.now() - this.#begunAt)
    this.#span?.end(outcome)
  }
}

const DISCARDED: Outcome = { what: 'discarded', class: 'gone', status: 0 }

function outcomeOf(reason: Error): Outcome {
  return reason instanceof GatewayError ? outcomeOfRefusal(reason) : DISCARDED
}
