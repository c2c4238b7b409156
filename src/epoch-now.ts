import { performance } from 'node:perf_hooks'

/** Read once: it is worked out anew each time. */
const { timeOrigin } = performance

/** Milliseconds since the epoch, finer than `Date.now()` and never going back. */
export function epochNow(): number {
  return epochAt(performance.now())
}

/** The same for a moment of `performance.now()`. */
export function epochAt(now: number): number {
  return timeOrigin + now
}
