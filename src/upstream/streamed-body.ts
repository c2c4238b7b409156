import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import type { BodySink, BodySource } from '../guards/guard.ts'
import { everyPeriod } from '../limit.ts'

export interface StreamLimits {
  /** A streamed answer must bring at least `streamLeastBytes` in each such time, and its client take as much. */
  streamIdleMs: number
  streamLeastBytes: number
}

/** So much is taken from the upstream before anybody takes it: most bodies are whole by then, and go out in one piece. */
const MOST_EARLY_BYTES = 65_536

/** The body of an answer, from undici's controller to the client's response, each at the pace of the slower. */
export class StreamedBody implements BodySource {
  readonly #controller: Dispatcher.DispatchController
  readonly #endCall: (reason: Error) => void
  readonly #limits: StreamLimits
  #unwatch: (() => void) | undefined
  /** What came before anybody took it. */
  #early: Buffer[] = []
  #sink: BodySink | null = null
  #isPaused = false
  #isOver = false
  #reason: Error | null = null
  #trailers: readonly string[] = []
  #settled: ((reason: Error | null) => void)[] = []
  #bytes = 0
  #bytesBefore = 0
  /** The client was waited for when the last such time began. */
  #wasPaused = false
  /** Since then nobody but the upstream was. */
  #isUpstreamsAlone = false

  constructor(
    controller: Dispatcher.DispatchController,
    early: Buffer[],
    limits: StreamLimits,
    endCall: (reason: Error) => void,
  ) {
    this.#controller = controller
    this.#limits = limits
    this.#endCall = endCall
    for (const chunk of early) this.take(chunk)
  }

  // From the upstream.

  take(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#sink !== null) {
      if (!this.#sink.write(chunk)) this.#pause()
      return
    }
    // A connection that closes hands over what it still held, paused or not.
    this.#early.push(chunk)
    if (this.#bytes >= MOST_EARLY_BYTES) this.#pause()
  }

  finish(trailers: readonly string[]): void {
    this.#trailers = trailers
    this.#end(null)
    this.#sink?.end(trailers, undefined)
  }

  fail(reason: Error): void {
    this.#end(reason)
    this.#sink?.fail(reason)
  }

  // From the gateway.

  pipe(sink: BodySink): void {
    this.#sink = sink
    if (this.#reason !== null) {
      sink.fail(this.#reason)
      return
    }
    const last = this.#isOver ? this.#early.pop() : undefined
    let isOpen = true
    for (const chunk of this.#early) isOpen = sink.write(chunk)
    this.#early = []
    if (this.#isOver) {
      sink.end(this.#trailers, last)
      return
    }
    this.#unwatch = everyPeriod(
      () => this.#limits.streamIdleMs,
      isOurs => this.#checkFlow(isOurs),
    )
    if (isOpen) this.resume()
    else this.#pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#isUpstreamsAlone = false
    this.#controller.resume()
  }

  abort(reason: Error): void {
    if (!this.#isOver) this.#endCall(reason)
  }

  onEnd(settled: (reason: Error | null) => void): void {
    if (this.#isOver) settled(this.#reason)
    else this.#settled.push(settled)
  }

  // Within.

  #pause(): void {
    this.#isPaused = true
    this.#isUpstreamsAlone = false
    this.#controller.pause()
  }

  /** Who was waited for at both ends of such a time, is judged by what passed in it: the client held the rest up. */
  #checkFlow(isOurs: boolean): void {
    const passed = this.#bytes - this.#bytesBefore
    const isClients = this.#wasPaused && this.#isPaused
    const isUpstreams = this.#isUpstreamsAlone
    this.#bytesBefore = this.#bytes
    this.#wasPaused = this.#isPaused
    this.#isUpstreamsAlone = !this.#isPaused
    if (isOurs) return
    const { streamIdleMs, streamLeastBytes } = this.#limits
    if (isClients && passed < Math.max(1, streamLeastBytes))
      this.#endCall(new GatewayError('client-gone', `the client took ${passed} bytes in ${streamIdleMs} ms`))
    else if (isUpstreams && passed < streamLeastBytes)
      this.#endCall(new GatewayError('upstream-stalled', `${passed} bytes came in ${streamIdleMs} ms`))
  }

  #end(reason: Error | null): void {
    this.#isOver = true
    this.#reason = reason
    this.#unwatch?.()
    const settled = this.#settled
    this.#settled = []
    for (const settle of settled) settle(reason)
  }
}
