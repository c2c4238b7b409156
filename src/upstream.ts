// The last link: undici's dispatch, driven by hand, with no stream object and no AbortSignal on the way.
import { type Dispatcher, Pool } from 'undici'
import { isBuffered } from './cache/policy.ts'
import { GatewayError } from './errors.ts'
import { TIMEOUT_FIELD } from './guards/deadline.ts'
import type { BodySink, BodySource, GatewayRequest, GatewayResponse, Tell } from './guards/guard.ts'
import { endToEnd, without } from './headers.ts'
import type { Durations } from './telemetry/durations.ts'
import { createMaxTracker, type MaxReader } from './telemetry/max-tracker.ts'
import { type Outcome, outcomeOfRefusal, outcomeOfStatus } from './telemetry/outcome.ts'
import type { CallSpan } from './telemetry/tracing.ts'
import { upstreamFailure } from './upstream-failure.ts'

export interface UpstreamOptions {
  /** Scheme and authority. */
  upstreamOrigin: string
  /** Sent as Host. */
  upstreamHost: string
  /** Put before every path; empty, or starting with a slash and not ending with one. */
  upstreamBasePath: string
  /** undici's own coarse limits: the last resort where no guard keeps a finer one. */
  upstreamBackstopMs: number
  upstreamConnectMs: number
  /** Answers up to this length are buffered where they may be stored; 0 streams everything. */
  bufferMaxBytes: number
  /** Most bytes of an answer that the gateway has to understand. */
  refineMaxBytes: number
  /** A streamed answer must bring at least `streamLeastBytes` in each such time. */
  streamIdleMs: number
  streamLeastBytes: number
}

/** The upstream, and what is going on with it right now. */
export interface Upstream {
  call(request: GatewayRequest): Promise<GatewayResponse>
  /** Goes by these options from the next call on, but for those of the connections. */
  adopt(options: UpstreamOptions): void
  /** Calls begun since the start. */
  readonly calls: number
  readonly inFlight: number
  /** A reader of its own: each reads the most calls in flight since it last asked. */
  inFlightReader(): MaxReader
  close(): Promise<void>
}

export function createUpstream(
  options: UpstreamOptions,
  tell: Tell,
  durations: Durations['upstreamCall'],
): Upstream {
  const pool = new Pool(options.upstreamOrigin, {
    pipelining: 1,
    allowH2: false,
    headersTimeout: options.upstreamBackstopMs,
    bodyTimeout: options.upstreamBackstopMs,
    connect: { timeout: options.upstreamConnectMs },
  })
  let current = options
  let calls = 0
  let inFlight = 0
  const most = createMaxTracker(() => inFlight)
  const ended = (outcome: Outcome, tookMs: number) => {
    inFlight -= 1
    tell(outcome.what)
    durations[outcome.class].observe(tookMs)
  }
  return {
    call: request =>
      new Promise((resolve, reject) => {
        calls += 1
        inFlight += 1
        most.note(inFlight)
        new UpstreamCall(request, current, { resolve, reject, ended }).start(pool)
      }),
    adopt(next) {
      current = next
    },
    get calls() {
      return calls
    },
    get inFlight() {
      return inFlight
    },
    inFlightReader: most.reader,
    close: () => pool.destroy(),
  }
}

interface Listener {
  resolve(response: GatewayResponse): void
  reject(reason: GatewayError): void
  ended(outcome: Outcome, tookMs: number): void
}

/** One call: undici's handler on one side, the answer's body on the other. */
class UpstreamCall implements Dispatcher.DispatchHandler, BodySource {
  readonly #request: GatewayRequest
  readonly #options: UpstreamOptions
  readonly #listener: Listener
  readonly #unlink: (() => void) | undefined
  #controller: Dispatcher.DispatchController | null = null
  #status = 0
  #headers: string[] = []
  /** Collected until the answer is whole, or too long to be collected. */
  #chunks: Buffer[] = []
  #length = 0
  #mode: 'waiting' | 'buffering' | 'streaming' | 'ended' = 'waiting'
  #sink: BodySink | null = null
  #isPaused = false
  #reason: Error | null = null
  #settled: ((reason: Error | null) => void)[] = []
  #idleTimer: ReturnType<typeof setInterval> | undefined
  #lengthAtCheck = 0
  readonly #begunAt = performance.now()
  #span: CallSpan | undefined

  constructor(request: GatewayRequest, options: UpstreamOptions, listener: Listener) {
    this.#request = request
    this.#options = options
    this.#listener = listener
    this.#unlink = request.onCancel(reason => this.abort(reason))
  }

  start(pool: Pool): void {
    if (this.#mode === 'ended') return
    const { method, path, headers, body, span } = this.#request.parts
    this.#request.trace.calls += 1
    this.#span = span?.call(this.#request.trace.calls)
    const target = this.#options.upstreamBasePath + path
    const fields = (this.#span?.fields(headers) ?? headers).concat(
      'host',
      this.#options.upstreamHost,
      this.#timeLeft(),
    )
    pool.dispatch({ method, path: target, headers: fields, body, blocking: false }, this)
  }

  // From undici.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#reason !== null) controller.abort(this.#reason)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return
    this.#status = status
    this.#request.noteAnswer()
    this.#headers = endToEnd(flatten(controller.rawHeaders))
    if (this.#isToBeBuffered()) {
      this.#mode = 'buffering'
      return
    }
    this.#stream()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#mode === 'buffering') {
      this.#chunks.push(chunk)
      this.#checkLength()
      return
    }
    // A connection that closes hands over what it still held, paused or not.
    if (this.#sink === null) return void this.#chunks.push(chunk)
    if (this.#sink.write(chunk)) return
    this.#isPaused = true
    controller.pause()
  }

  onResponseEnd(): void {
    if (this.#mode === 'ended') return
    const isBufferedAnswer = this.#mode === 'buffering'
    this.#end(null)
    if (isBufferedAnswer) this.#listener.resolve(this.#wholeAnswer())
    else this.#sink?.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(this.#reason ?? upstreamFailure(error, this.#request))
  }

  // From the gateway.

  pipe(sink: BodySink): void {
    this.#sink = sink
    if (this.#reason !== null) {
      sink.fail(this.#reason)
      return
    }
    const chunks = this.#chunks
    this.#chunks = []
    let isOpen = true
    for (const chunk of chunks) isOpen = sink.write(chunk)
    if (this.#mode === 'ended') sink.end()
    else if (isOpen) this.resume()
  }

  resume(): void {
    this.#isPaused = false
    this.#lengthAtCheck = -1
    this.#controller?.resume()
  }

  abort(reason: Error): void {
    if (this.#mode === 'ended') return
    this.#reason = reason
    // undici answers with onResponseError at once; a call that still waits for its connection is let go here.
    this.#controller?.abort(reason)
    this.#fail(reason)
  }

  onEnd(settled: (reason: Error | null) => void): void {
    if (this.#mode === 'ended') settled(this.#reason)
    else this.#settled.push(settled)
  }

  // Within.

  /** Told anew at each attempt, so that the upstream need not go on when nobody waits any more. */
  #timeLeft(): readonly string[] {
    const { deadlineAt } = this.#request
    if (deadlineAt === Number.POSITIVE_INFINITY) return []
    return [TIMEOUT_FIELD, String(Math.max(1, Math.floor(deadlineAt - performance.now())))]
  }

  #isToBeBuffered(): boolean {
    if (this.#request.parts.refine !== undefined) return true
    const most = this.#options.bufferMaxBytes
    return most > 0 && isBuffered(this.#request, this.#headers, most)
  }

  /** A body that grows past the limit streams on, what has come of it first. */
  #checkLength(): void {
    if (this.#request.parts.refine !== undefined) {
      if (this.#length <= this.#options.refineMaxBytes) return
      this.abort(
        new GatewayError('upstream-invalid', `the answer is over ${this.#options.refineMaxBytes} bytes long`),
      )
    } else if (this.#length > this.#options.bufferMaxBytes) {
      this.#stream()
    }
  }

  #stream(): void {
    this.#mode = 'streaming'
    this.#isPaused = true
    this.#controller!.pause()
    this.#idleTimer = setInterval(() => this.#checkFlow(), this.#options.streamIdleMs)
    this.#listener.resolve({ status: this.#status, headers: this.#headers, body: this })
  }

  /** Only the upstream is judged: a time in which the client held the body back does not count. */
  #checkFlow(): void {
    const isJudged = !this.#isPaused && this.#lengthAtCheck >= 0
    const arrived = this.#length - this.#lengthAtCheck
    this.#lengthAtCheck = this.#length
    if (!isJudged || arrived >= this.#options.streamLeastBytes) return
    this.abort(
      new GatewayError('upstream-stalled', `${arrived} bytes came in ${this.#options.streamIdleMs} ms`),
    )
  }

  #wholeAnswer(): GatewayResponse {
    // Copied: a chunk is a window on a far larger buffer, which a cache would keep alive.
    const body = Buffer.concat(this.#chunks, this.#length)
    const hasContent = this.#request.parts.method !== 'HEAD' && this.#status !== 204 && this.#status !== 304
    return { status: this.#status, headers: hasContent ? sized(this.#headers, body) : this.#headers, body }
  }

  #fail(reason: Error): void {
    if (this.#mode === 'ended') return
    const wasAnswered = this.#mode === 'streaming'
    this.#end(reason)
    if (wasAnswered) this.#sink?.fail(reason)
    else this.#listener.reject(reason as GatewayError)
  }

  #end(reason: Error | null): void {
    this.#mode = 'ended'
    this.#reason = reason
    this.#unlink?.()
    clearInterval(this.#idleTimer)
    const outcome = reason === null ? outcomeOfStatus(this.#status) : outcomeOf(reason)
    this.#listener.ended(outcome, performance.now() - this.#begunAt)
    this.#span?.end(outcome)
    const settled = this.#settled
    this.#settled = []
    for (const settle of settled) settle(reason)
  }
}

const LENGTH = new Set(['content-length'])

function sized(headers: readonly string[], body: Buffer): string[] {
  return without(headers, LENGTH).concat('Content-Length', String(body.length))
}

const DISCARDED: Outcome = { what: 'discarded', class: 'gone', status: 0 }

function outcomeOf(reason: Error): Outcome {
  return reason instanceof GatewayError ? outcomeOfRefusal(reason) : DISCARDED
}

function flatten(rawHeaders: Dispatcher.DispatchController['rawHeaders']): string[] {
  return (rawHeaders as Buffer[]).map(part => part.toString('latin1'))
}
