// What a guard is, and what comes back along the chain. Guards see neither Fastify nor undici.
import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { GatewayRequest } from './request.ts'

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

/** A guard answers, refuses (rejects, never throws) with a `GatewayError`, or calls `next`. */
export type Guard = (request: GatewayRequest, next: Next) => Promise<GatewayResponse>
export type Next = (request: GatewayRequest) => Promise<GatewayResponse>

/** Counts one thing that a guard did, by a short lower-case name. */
export type Tell = (what: string) => void

/** The list of guards as one function; list order is running order. */
export function compose(guards: readonly Guard[], last: Next): Next {
  return guards.reduceRight<Next>((next, guard) => request => guard(request, next), last)
}

/** Calls back once it is known what the answer is, or that there is none: before whoever waits for it goes on. */
export function whenSettled(answer: ReturnType<Next>, settled: () => void): ReturnType<Next> {
  answer.then(settled, settled)
  return answer
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
