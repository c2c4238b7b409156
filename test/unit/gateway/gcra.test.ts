import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fill } from '../../../src/limiter/gcra.ts'

const SEED = { seed: 20_261_123, numRuns: 500 }

const leaks = fc.record({
  intervalMs: fc.oneof(
    fc.double({ min: 0.001, max: 5_000, noNaN: true }),
    fc.integer({ min: 1, max: 20_000 }),
  ),
  burst: fc.integer({ min: 1, max: 200 }),
})
/** Moments between requests, many of them at once. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 10_000, noNaN: true })), {
  minLength: 1,
  maxLength: 300,
})

/** What a request more is allowed, by rounding, in a run of these lengths. */
const ROUNDING = 0.01

describe('a bucket that leaks', () => {
  test('never admits more than its burst, and what has leaked out in between', () => {
    fc.assert(
      fc.property(leaks, gaps, fc.nat(1e9), (leak, pauses, begin) => {
        const bucket = { emptyAt: 0 }
        const admittedAt: number[] = []
        let now = begin
        for (const pauseMs of pauses) {
          now += pauseMs
          if (!fill(bucket, leak, now).isExceeded) admittedAt.push(now)
        }
        // Between any two requests that it let in, edges of windows or not.
        for (let first = 0; first < admittedAt.length; first += 1) {
          for (let last = first; last < admittedAt.length; last += 1) {
            const elapsedMs = admittedAt[last]! - admittedAt[first]!
            const most = leak.burst + elapsedMs / leak.intervalMs + ROUNDING
            if (last - first + 1 > most) return false
          }
        }
        return true
      }),
      SEED,
    )
  })

  test('admits whoever keeps to the rate, for ever', () => {
    fc.assert(
      fc.property(leaks, fc.nat(1e9), (leak, begin) => {
        const bucket = { emptyAt: 0 }
        for (let count = 0; count < 300; count += 1) {
          if (fill(bucket, leak, begin + count * leak.intervalMs).isExceeded) return false
        }
        return true
      }),
      SEED,
    )
  })

  test('admits what it says is left, refuses the next, and admits one more after the time that it names', () => {
    fc.assert(
      fc.property(leaks, gaps, (leak, pauses) => {
        const bucket = { emptyAt: 0 }
        let now = 0
        let found = fill(bucket, leak, now)
        for (const pauseMs of pauses) {
          now += pauseMs
          found = fill(bucket, leak, now)
        }
        for (let left = found.remaining; left > 0; left -= 1) {
          if (fill(bucket, leak, now).isExceeded) return false
        }
        if (!fill(bucket, leak, now).isExceeded) return false
        return !fill(bucket, leak, now + found.waitMs).isExceeded
      }),
      SEED,
    )
  })

  test('whose leak is another now says truly when there is room, whatever was put in before', () => {
    fc.assert(
      fc.property(leaks, leaks, gaps, gaps, (before, after, earlier, later) => {
        const bucket = { emptyAt: 0 }
        let now = 0
        for (const pauseMs of earlier) {
          now += pauseMs
          fill(bucket, before, now)
        }
        for (const pauseMs of later) {
          now += pauseMs
          const found = fill(bucket, after, now)
          if (found.remaining > after.burst) return false
          if (!found.isExceeded) continue
          if (found.waitMs > after.intervalMs * (1 + ROUNDING)) return false
          now += found.waitMs
          if (fill(bucket, after, now).isExceeded) return false
        }
        return true
      }),
      SEED,
    )
  })

  test('is not filled by what it refuses: insisting costs nothing', () => {
    const bucket = { emptyAt: 0 }
    const leak = { intervalMs: 100, burst: 1 }
    fill(bucket, leak, 0)
    for (let now = 1; now < 100; now += 1) expect(fill(bucket, leak, now).isExceeded).toBe(true)
    expect(fill(bucket, leak, 100).isExceeded).toBe(false)
  })

  test('takes up a lower burst at once, and lets nobody wait for the higher one to leak out', () => {
    const bucket = { emptyAt: 0 }
    for (let count = 0; count < 100; count += 1) fill(bucket, { intervalMs: 100, burst: 100 }, 0)
    expect(fill(bucket, { intervalMs: 100, burst: 5 }, 0)).toEqual({
      isExceeded: true,
      remaining: 0,
      waitMs: 100,
    })
  })
})
