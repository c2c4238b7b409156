// What a guard is, and what travels along the chain. Guards see neither Fastify nor undici.
import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { placeOf } from '../cache/keys.ts'
import { type CacheTerms, readTerms } from '../cache/terms.ts'
import type { GatewayError } from '../errors.ts'
import { headerOf } from '../headers.ts'
import type { RequestSpan } from '../telemetry/tracing.ts'
import type { Upload } from '../upload.ts'

/** The eight guards in running order: the only spelling there is. */
export const GUARD_NAMES = [
  'rate-limit',
  'cache',
  'single-flight',
  'deadline',
  'bulkhead',
  'breaker',
  'retry',
  'attempt-limit',
] as const
export type GuardName = (typeof GUARD_NAMES)[number]

/** Where a streamed body goes. `write` returns false when the sink is full: the source waits for `resume`. */
export interface BodySink {
  write(chunk: Buffer): boolean
  /** The body is whole with `last`, where anything is left of it; `trailers` are the fields that came after it, flat. */
  end(trailers: readonly string[], last: Buffer | undefined): void
  /** The body broke off: what was written so far is not all. */
  fail(reason: Error): void
}

/** What goes on after the header of an answer. */
export interface Flow {
  /** Ends the upstream call. */
  abort(reason: Error): void
  /** Calls back once when it has ended: with null when it is whole, else with why it is not. */
  onEnd(settled: (reason: Error | null) => void): void
}

/** A body still arriving from the upstream; it waits until it is piped. */
export interface BodySource extends Flow {
  pipe(sink: BodySink): void
  resume(): void
}

/** A connection that has left HTTP behind (101): bytes both ways, until one side ends it. */
export interface Tunnel extends Flow {
  join(client: Duplex): void
}

/** What the upstream, or a guard in its stead, answers. Never changed once made: several clients may share it. */
export interface GatewayResponse {
  readonly status: number
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[]
  readonly body: Buffer | BodySource | Tunnel
  /** Asked for under a shorter deadline than others have, who might get more of an answer: it is one client's alone. */
  readonly isHurried?: boolean
}

/** A guard answers, refuses by throwing a `GatewayError`, or calls `next`. */
export type Guard = (request: GatewayRequest, next: Next) => Promise<GatewayResponse>
export type Next = (request: GatewayRequest) => Promise<GatewayResponse>

/** Counts one thing that a guard did, by a short lower-case name. */
export type Tell = (what: string) => void

/** The list of guards as one function; list order is running order. */
export function compose(guards: readonly Guard[], last: Next): Next {
  return guards.reduceRight<Next>((next, guard) => request => guard(request, next), last)
}

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

type CancelListener = (reason: GatewayError) => void

/** Never added to. */
const NOBODY: CancelListener[] = []
const nothing = () => {}

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
  #listeners: CancelListener[] = NOBODY
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

  /** Calls back on cancellation, at once if it has happened; returns the way to stop listening. */
  onCancel(listener: CancelListener): () => void {
    if (this.#reason !== null) {
      listener(this.#reason)
      return nothing
    }
    if (this.#listeners.length === 0) this.#listeners = [listener]
    else this.#listeners.push(listener)
    return () => this.#forget(listener)
  }

  /** Nobody wants the answer any more. Only the first reason counts. */
  cancel(reason: GatewayError): void {
    if (this.#reason !== null) return
    this.#reason = reason
    const listeners = this.#listeners
    this.#listeners = NOBODY
    for (const listener of listeners) listener(reason)
  }

  #forget(listener: CancelListener): void {
    const at = this.#listeners.indexOf(listener)
    if (at !== -1) this.#listeners.splice(at, 1)
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
    this.onCancel(reason => other.cancel(reason))
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

/** Calls back when the body has ended: at once for a whole one. */
export function whenBodyEnds(response: GatewayResponse, settled: (reason: Error | null) => void): void {
  if (Buffer.isBuffer(response.body)) settled(null)
  else response.body.onEnd(settled)
}

/** Ends the call behind an answer that nobody takes. */
export function discard({ body }: GatewayResponse): void {
  if (!Buffer.isBuffer(body)) body.abort(new Error('nobody takes this answer'))
}
