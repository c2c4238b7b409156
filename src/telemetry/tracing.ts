// What the gateway tells a tracer. One is made (open-telemetry/) where traces have somewhere to go; else there is none.
import type { RequestParts } from '../guards/request.ts'
import type { EndedRequest } from './account.ts'
import type { Outcome } from './outcome.ts'

/** What a tracer needs to know of a request that has just come. */
export type TracedParts = Pick<RequestParts, 'method' | 'path' | 'route' | 'headers'>

/** Follows requests through the gateway. */
export interface Tracer {
  begin(parts: TracedParts): RequestSpan
}

/** One request, from its arrival to its last byte. */
export interface RequestSpan {
  readonly traceId: string
  /**
   * The span of one call to the upstream.
   * @param ordinal 1 for the first call of the request
   */
  call(ordinal: number): CallSpan
  end(request: EndedRequest): void
}

/** One call to the upstream. */
export interface CallSpan {
  /** These fields, with this call as the parent of what the upstream does. */
  fields(headers: readonly string[]): string[]
  end(outcome: Outcome): void
}
