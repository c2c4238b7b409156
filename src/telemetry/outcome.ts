// What became of a request, in few words: few enough to be labels.
import { type GatewayError, isFaultStatus } from '../errors.ts'
import type { GatewayResponse } from '../guards/guard.ts'
import type { CacheTrace } from '../guards/request.ts'

/**
 * - `fresh`: the upstream's own answer
 * - `cached`, `stale`: one that was known
 * - `refused`: not asked for, or asked too much
 * - `failed`: the upstream's fault, or ours
 * - `gone`: the client hung up first
 */
export const OUTCOME_CLASSES = ['fresh', 'cached', 'stale', 'refused', 'failed', 'gone'] as const
export type OutcomeClass = (typeof OUTCOME_CLASSES)[number]

export interface Outcome {
  /** `cached`, `stale`, `status-2xx` and its kin, or the code of a refusal. */
  readonly what: string
  readonly class: OutcomeClass
  readonly status: number
}

const KINDS = Array.from({ length: 10 }, (_, hundreds) => `status-${hundreds}xx`)

/** The outcome of a request that was answered. */
export function outcomeOfAnswer(trace: CacheTrace, { status }: GatewayResponse): Outcome {
  if (trace.forwarded === undefined) {
    const what = trace.hitTtlSeconds < 0 ? 'stale' : 'cached'
    return { what, class: what, status }
  }
  return outcomeOfStatus(status)
}

/** The outcome of what the upstream answered itself. */
export function outcomeOfStatus(status: number): Outcome {
  return { what: kindOf(status), class: isFaultStatus(status) ? 'failed' : 'fresh', status }
}

/** The outcome of a request that was refused: the gateway's own doing, unless it tells of the upstream. */
export function outcomeOfRefusal({ code, status, refusal }: GatewayError): Outcome {
  if (status === 499) return { what: code, class: 'gone', status }
  const isFailure = refusal.upstream !== 'nothing' || code === 'internal'
  return { what: code, class: isFailure ? 'failed' : 'refused', status }
}

/** By the first digit, so that no upstream can make up labels without end. */
function kindOf(status: number): string {
  return KINDS[Math.floor(status / 100)] ?? 'status-other'
}
