/** Milliseconds since the epoch, finer than `Date.now()` and never going back. */
export function epochNow(): number {
  return performance.timeOrigin + performance.now()
}
