// The generic cell rate algorithm: a bucket that leaks at the allowed rate, kept as one number.

/** How fast a bucket leaks, and what it holds. */
export interface Leak {
  /** One request leaks out in this time. */
  intervalMs: number
  /** So many fit in. */
  burst: number
}

/** When the bucket will be empty, if nothing more is put in. */
export interface Bucket {
  emptyAt: number
}

/** What came of one more request. */
export interface Fill {
  isExceeded: boolean
  /** How many more would fit in now. */
  remaining: number
  /** Until one more than that would. */
  waitMs: number
}

/** A share of a request: sums of fractions of a millisecond are not exact. */
const ROUNDING = 0.001

/**
 * Puts one request into the bucket, if it fits. A refused one leaves no trace, so that insisting costs nothing. What
 * was put in under other settings and would not fit into this bucket runs over for good, so that the wait that is told
 * is the true one.
 */
export function fill(bucket: Bucket, { intervalMs, burst }: Leak, now: number): Fill {
  bucket.emptyAt = Math.min(bucket.emptyAt, now + burst * intervalMs)
  const held = Math.max(0, (bucket.emptyAt - now) / intervalMs)
  const isExceeded = held + 1 > burst + ROUNDING
  const level = isExceeded ? held : held + 1
  if (!isExceeded) bucket.emptyAt = now + level * intervalMs
  const remaining = isExceeded ? 0 : Math.floor(burst - level + ROUNDING)
  return { isExceeded, remaining, waitMs: Math.max(0, level + remaining + 1 - burst) * intervalMs }
}
