import { GatewayError } from '../errors.ts'
import {
  type Breaker,
  type BreakerListener,
  type BreakerOptions,
  type BreakerState,
  breaker,
} from './breaker.ts'
import type { Tell } from './guard.ts'

/** The state in which somebody keeps the breaker, whatever the upstream does; null leaves it to itself. */
export type BreakerHold = 'open' | 'closed' | null

/** A breaker that can be held in a state, and made anew under other settings. */
export interface HeldBreaker extends Breaker {
  readonly held: BreakerHold
  hold(hold: BreakerHold): void
  /** Forgets what was counted; calls under way are judged by nobody. */
  renew(options: BreakerOptions): void
  /** It is a guard no more: what nobody asks is neither open nor held. */
  retire(options: BreakerOptions): void
}

/**
 * What is held open refuses, what is held closed lets everything by and counts none of it.
 * @param changed told of the state as it is seen from outside, held or not
 */
export function heldBreaker(options: BreakerOptions, tell: Tell, changed: BreakerListener): HeldBreaker {
  let held: BreakerHold = null
  let retryAfterMs = options.breakerResetMs
  let seen: BreakerState = 'closed'
  let inner = make(options)

  function make(under: BreakerOptions): Breaker {
    const made: Breaker = breaker(under, tell, () => {
      if (made === inner) show()
    })
    return made
  }
  function show(): void {
    const from = seen
    seen = held ?? inner.state
    if (seen !== from) changed(from, seen)
  }

  function hold(next: BreakerHold): void {
    held = next
    show()
  }
  function renew(under: BreakerOptions): void {
    inner.close()
    retryAfterMs = under.breakerResetMs
    inner = make(under)
    show()
  }

  return {
    guard(request, next) {
      if (held === null) return inner.guard(request, next)
      if (held === 'closed') return next(request)
      tell('refused')
      return Promise.reject(new GatewayError('breaker-open', 'the breaker is held open', { retryAfterMs }))
    },
    get state() {
      return seen
    },
    get held() {
      return held
    },
    hold,
    renew,
    retire(under) {
      hold(null)
      renew(under)
    },
    close: () => inner.close(),
  }
}
