import { GatewayError } from './errors.ts'
import type { GuardName } from './guards/guard.ts'
import type { EventLoopLag } from './telemetry/event-loop-lag.ts'

export interface LoadSheddingOptions {
  guards: readonly GuardName[]
  /** A request that the event loop comes to later than this is refused; 0 refuses none. */
  shedLagMs: number
}

/** Throws for a request that arrived at this moment of `performance.now()` while there is too much to do. */
export type Shed = (arrivedAt: number) => void

const RETRY_AFTER_MS = 1_000

/**
 * Refuses what the event loop comes to too late: 503 before the chain does anything. It protects this process, not
 * the upstream, so it is no guard; but a bare gateway sheds nothing.
 */
export function loadShedding({ guards, shedLagMs }: LoadSheddingOptions, lag: EventLoopLag): Shed {
  if (shedLagMs === 0 || guards.length === 0) return () => {}
  return arrivedAt => {
    const lagMs = lag.at(arrivedAt)
    if (lagMs <= shedLagMs) return
    throw new GatewayError(
      'overloaded',
      `the gateway is ${Math.round(lagMs)} ms behind, over ${shedLagMs} ms`,
      {
        retryAfterMs: RETRY_AFTER_MS,
      },
    )
  }
}
