// Durations counted in buckets: a few nanoseconds each, for it is on the path of every request.

/** Upper bounds in ms; what is longer than the last falls into one more bucket. */
export const DURATION_BOUNDS_MS = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
]

/** How many durations fell into each bucket, and what they add up to. */
export interface DurationHistogram {
  observe(ms: number): void
  /** One count for each bound, and one for what is over the last. */
  readonly counts: readonly number[]
  readonly sumMs: number
}

export function createDurationHistogram(): DurationHistogram {
  const counts = new Array<number>(DURATION_BOUNDS_MS.length + 1).fill(0)
  let sumMs = 0
  return {
    observe(ms) {
      let bucket = 0
      while (bucket < DURATION_BOUNDS_MS.length && ms > DURATION_BOUNDS_MS[bucket]!) bucket += 1
      counts[bucket]! += 1
      sumMs += ms
    },
    counts,
    get sumMs() {
      return sumMs
    },
  }
}
