// What travels along the chain, and the handle by which it is cancelled.
import { placeOf } from '../cache/keys.ts'
import { type CacheTerms, readTerms } from '../cache/terms.ts'
import type { GatewayError } from '../errors.ts'
import { headerOf } from '../headers.ts'
import type { RequestSpan } from '../telemetry/tracing.ts'
import type { Upload } from '../upload.ts'
import type { GatewayResponse } from './guard.ts'

/** What the gateway did for a request: the material of its `Cache-Status` field and of its line in the log. */
export interface CacheTrace {
  /** Why the request went on to the upstream; undefined on a hit. */
  forwarded: 'bypass' | 'method' | 'request' | 'uri-miss' | 'vary-miss' | 'stale' | undefined
  /** What the upstream answered, where the client gets something else; a confirmation is a 304. */
  forwardedStatus: number | undefined
  /** Freshness left on a hit, in whole seconds; negative when stale. */
  hitTtlSeconds: number
  /** Why a stale answer was served. */
  detail: string | undefined
  isStored: boolean
  isCollapsed: boolean
  /** Calls to the upstream. */
  calls: number
  /** Why the body broke off after its header had gone out. */
  brokeOff: Error | undefined
}

/** The kinds of answers: equal paths of different routes share nothing, and each client has a rate on each. */
export const ROUTES = ['proxy', 'areas', 'unknown'] as const
export type Route = (typeof ROUTES)[number]

/** The parts of a request that do not change along the chain. */
export interface RequestParts {
  readonly method: string
  /** Path and query as sent to the upstream, byte for byte. */
  readonly path: string
  readonly route: Route
  /** The address that asks. */
  readonly client: string
  /**
   * Scheme and authority that the client asked, where the upstream is told: it may put them into its answer, so
   * answers to different ones are different things.
   */
  readonly origin?: string
  /** Flat, names in lower case, without hop-by-hop fields. */
  readonly headers: readonly string[]
  /** Streamed once: a request with a body is never replayed. */
  readonly body: Upload | null
  /** Passes on what the upstream says before its answer (1xx other than 100 and 101). */
  readonly inform?: (status: number, headers: readonly string[]) => void
  /** The client takes fields after the body. */
  readonly takesTrailers?: boolean
  /** The protocol that the client asks to go on with. */
  readonly upgrade?: string | undefined
  /** Makes the answer out of the upstream's, which then is always buffered; throws where it cannot. */
  readonly refine?: (response: GatewayResponse) => GatewayResponse
  /** The key of the stored answer that it asks about: only who asks about the same may share what comes. */
  readonly asksAbout?: string
  /** Where the request is traced. */
  readonly span?: RequestSpan | undefined
}

/** What is cancelled together with a request. */
export interface Cancellable {
  cancel(reason: GatewayError): void
}

/** Never added to. */
const NOBODY: Cancellable[] = []

/**
 * One request on its way through the chain, and the handle by which it is cancelled.
 * Times are on the clock of `performance.now()`, in ms.
 */
export class GatewayRequest {
  readonly parts: RequestParts
  readonly arrivedAt: number
  readonly deadlineAt: number
  readonly trace: CacheTrace
  /** Fields of the gateway's own that go out with whatever the answer will be. Flat. */
  ownFields: readonly string[] = []
  /** What it stood still for between two attempts, in ms: our doing, not the upstream's. */
  pausedMs = 0
  #reason: GatewayError | null = null
  #linked: Cancellable[] = NOBODY
  #terms: CacheTerms | null = null
  #place: string | null = null
  #forkedFrom: GatewayRequest | null = null
  #isAnswered = false

  constructor(parts: RequestParts, arrivedAt: number, deadlineAt: number, trace: CacheTrace = noTrace()) {
    this.parts = parts
    this.arrivedAt = arrivedAt
    this.deadlineAt = deadlineAt
    this.trace = trace
  }

  /** Why the request was cancelled, or null while it is wanted. */
  get cancelled(): GatewayError | null {
    return this.#reason
  }

  /** Nobody is there any more to take an answer; others may wait for the same one. */
  get hasLeft(): boolean {
    return this.#reason?.code === 'client-gone'
  }

  /** From now on, or at once if it has happened, it is cancelled with this request. */
  link(other: Cancellable): void {
    if (this.#reason !== null) other.cancel(this.#reason)
    else if (this.#linked.length === 0) this.#linked = [other]
    else this.#linked.push(other)
  }

  /** From now on it is not. */
  unlink(other: Cancellable): void {
    const at = this.#linked.indexOf(other)
    if (at === -1) return
    if (this.#linked.length === 1) this.#linked = NOBODY
    else this.#linked.splice(at, 1)
  }

  /** Nobody wants the answer any more. Only the first reason counts. */
  cancel(reason: GatewayError): void {
    if (this.#reason !== null) return
    this.#reason = reason
    const linked = this.#linked
    this.#linked = NOBODY
    for (const other of linked) other.cancel(reason)
  }

  /** The same request with a cancellation of its own, which is not linked to this one. */
  fork(deadlineAt = this.deadlineAt): GatewayRequest {
    const fork = this.#derive(this.parts, deadlineAt)
    fork.#terms = this.#terms
    return fork
  }

  /** The same request with other fields, cancelled with this one. */
  withHeaders(headers: readonly string[], more: Pick<RequestParts, 'asksAbout'> = {}): GatewayRequest {
    const other = this.#derive({ ...this.parts, ...more, headers }, this.deadlineAt)
    this.link(other)
    return other
  }

  #derive(parts: RequestParts, deadlineAt: number): GatewayRequest {
    const derived = new GatewayRequest(parts, this.arrivedAt, deadlineAt, this.trace)
    derived.#place = this.#place
    derived.#forkedFrom = this
    return derived
  }

  /** What it asks of a cache; read once. */
  get terms(): CacheTerms {
    this.#terms ??= readTerms(this.parts)
    return this.#terms
  }

  /** What it asks for, as the key by which that is found; made once. */
  get place(): string {
    this.#place ??= placeOf(this.parts)
    return this.#place
  }

  /** The header of an answer has come for this request, or for one made of it; its body may still be on the way. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  noteAnswer(): void {
    this.#isAnswered = true
    this.#forkedFrom?.noteAnswer()
  }

  header(name: string): string | undefined {
    return headerOf(this.parts.headers, name)
  }

  /** Safe to send twice, and still whole to be sent twice. */
  get isReplayable(): boolean {
    return this.parts.body === null && IDEMPOTENT.has(this.parts.method)
  }
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

function noTrace(): CacheTrace {
  return {
    forwarded: 'bypass',
    forwardedStatus: undefined,
    hitTtlSeconds: 0,
    detail: undefined,
    isStored: false,
    isCollapsed: false,
    calls: 0,
    brokeOff: undefined,
  }
}
