import type { BreakerListener, BreakerOptions } from './guards/breaker.ts'
import { type HeldBreaker, heldBreaker } from './guards/held-breaker.ts'
import { createPlaces, type Places } from './guards/places.ts'
import { type RetryBudget, type RetryBudgetOptions, retryBudget } from './guards/retry-budget.ts'
import type { RateLimiter } from './limiter/rate-limiter.ts'
import type { Telemetry } from './telemetry/events.ts'

/** What the guards keep from one request to the next. It outlives them: a guard is made anew over what it knew. */
export interface GuardState {
  readonly limiter: RateLimiter
  readonly places: Places
  readonly breaker: HeldBreaker
  readonly budget: RetryBudget
}

/** The state of guards that have not seen a request yet. */
export function createGuardState(
  options: BreakerOptions & RetryBudgetOptions,
  limiter: RateLimiter,
  telemetry: Telemetry,
  breakerChanged: BreakerListener,
): GuardState {
  return {
    limiter,
    places: createPlaces(limiter.nameOf),
    breaker: heldBreaker(options, telemetry.teller('breaker'), breakerChanged),
    budget: retryBudget(options),
  }
}
