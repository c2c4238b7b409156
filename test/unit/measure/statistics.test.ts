import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomStream } from '../../../chaos/random/seed.ts'
import {
  comparePairs,
  leastSamplesFor,
  percentiles,
  proportion,
  quantileSorted,
  studentT95,
} from '../../../scenarios/engine/measure/statistics.ts'

describe('percentiles', () => {
  test('are values that were observed, by nearest rank', () => {
    const oneToHundred = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(percentiles(oneToHundred)).toEqual({ samples: 100, p50: 50, p95: 95, p99: 99, max: 100 })
    expect(quantileSorted([10, 20, 30], 0.5)).toBe(20)
  })

  test('of nothing are null, and of one sample that sample', () => {
    expect(percentiles([])).toEqual({ samples: 0, p50: null, p95: null, p99: null, max: null })
    expect(percentiles(Float64Array.of(7))).toEqual({ samples: 1, p50: 7, p95: 7, p99: 7, max: 7 })
  })

  test('leave at least the share q of the samples at or under them, and no smaller sample does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (values, q) => {
          const ascending = Float64Array.from(values).sort()
          const quantile = quantileSorted(ascending, q)!
          const atOrUnder = ascending.filter(value => value <= quantile).length
          const under = ascending.filter(value => value < quantile).length
          expect(atOrUnder / values.length).toBeGreaterThanOrEqual(q - 1e-9)
          expect(under / values.length).toBeLessThan(q)
        },
      ),
    )
  })

  test('rest on at least 59 samples for p95 and 299 for p99', () => {
    expect(leastSamplesFor(0.95)).toBe(59)
    expect(leastSamplesFor(0.99)).toBe(299)
  })
})

describe('a proportion', () => {
  test('carries its Wilson interval', () => {
    // Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662, 0 of 20 is 0 to 0.1611.
    const { value, interval } = proportion(81, 263)
    expect(value).toBeCloseTo(0.308, 3)
    expect(interval![0]).toBeCloseTo(0.2553, 4)
    expect(interval![1]).toBeCloseTo(0.3662, 4)
    expect(proportion(0, 20).interval![0]).toBe(0)
    expect(proportion(0, 20).interval![1]).toBeCloseTo(0.1611, 4)
  })

  test('of nothing is null, not zero', () => {
    expect(proportion(0, 0)).toEqual({ value: null, good: 0, of: 0, interval: null })
  })

  test('lies inside its own interval, inside 0 to 1', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), (good, bad) => {
        fc.pre(good + bad > 0)
        const { value, interval } = proportion(good, good + bad)
        const [low, high] = interval!
        expect(0 <= low && low <= value! && value! <= high && high <= 1).toBe(true)
      }),
    )
  })
})

describe('comparing two arms', () => {
  const pairsOf = (ratios: number[]) => ratios.map(ratio => ({ first: 100, second: 100 * ratio }))

  test('uses Student t of as many degrees as there are pairs less one', () => {
    const table: Record<number, number> = {
      1: 12.7062,
      4: 2.7764,
      7: 2.3646,
      9: 2.2622,
      29: 2.0452,
      199: 1.972,
    }
    for (const [degrees, t] of Object.entries(table))
      expect(Math.abs(studentT95(Number(degrees)) - t)).toBeLessThan(0.001)
    // The logarithms: mean 0.0952, deviation 0.0144, half-width 2.7764 * 0.0144 / sqrt(5) = 0.0179.
    const { ratio, interval } = comparePairs(pairsOf([1.08, 1.09, 1.1, 1.11, 1.12]))
    expect(ratio).toBeCloseTo(1.0999, 3)
    expect(interval[0]).toBeCloseTo(1.0804, 3)
    expect(interval[1]).toBeCloseTo(1.1197, 3)
  })

  test.each([
    ['worse', [1.2, 1.22, 1.19, 1.21, 1.2]],
    ['better', [0.8, 0.82, 0.79, 0.81, 0.8]],
    ['same', [1.01, 0.99, 1.0, 1.02, 0.98]],
    ['inconclusive', [1.3, 0.8, 1.2, 0.9, 1.1]],
  ])('calls it %s', (verdict, ratios) => {
    expect(comparePairs(pairsOf(ratios)).verdict).toBe(verdict)
  })

  test('says of an inconclusive one how many further pairs would settle it', () => {
    const few = comparePairs(pairsOf([1.25, 1.05, 1.3]))
    expect(few.verdict).toBe('inconclusive')
    expect(few.furtherPairs).toBeGreaterThan(0)
    expect(comparePairs(pairsOf([1.2, 1.2, 1.2])).furtherPairs).toBeNull()
  })

  test('cries wolf over two identical arms in under 1 of 100 trials, for it asks for 10 % as well', () => {
    const trials = 500
    let alarms = 0
    for (let trial = 0; trial < trials; trial++) {
      const random = randomStream(trial, 'identical arms')
      const pairs = Array.from({ length: 5 }, () => ({
        first: 100 * (1 + random() * 0.1),
        second: 100 * (1 + random() * 0.1),
      }))
      const { verdict } = comparePairs(pairs)
      if (verdict === 'worse' || verdict === 'better') alarms++
    }
    expect(alarms).toBeLessThanOrEqual(trials / 100)
  })

  test('refuses one pair, and what has no ratio', () => {
    expect(() => comparePairs(pairsOf([1]))).toThrow(/at least 2 pairs/)
    expect(() => comparePairs(pairsOf([1, 0]))).toThrow(/above 0/)
  })
})
