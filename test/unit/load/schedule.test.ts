import { mean, sampleVariance } from 'simple-statistics'
import { describe, expect, test } from 'vitest'
import { zipfShares } from '../../../scenarios/engine/load/popularity.ts'
import { makeSchedule, type ScheduleSettings } from '../../../scenarios/engine/load/schedule.ts'

const settings: ScheduleSettings = {
  ratePerSecond: 200,
  arrivals: 'poisson',
  keys: 200,
  zipfExponent: 1.1,
  readShare: 0.9,
  phases: [
    { name: 'warm-up', durationMs: 5_000 },
    { name: 'baseline', durationMs: 95_000 },
  ],
  warmUpMs: 5_000,
}

function countsPer(timesMs: Float64Array, bucketMs: number, buckets: number): number[] {
  const counts = new Array<number>(buckets).fill(0)
  for (const timeMs of timesMs) counts[Math.floor(timeMs / bucketMs)]!++
  return counts
}

describe('a schedule', () => {
  test('is the same for the same seed and another for another', () => {
    expect(makeSchedule(7, settings)).toEqual(makeSchedule(7, settings))
    expect(makeSchedule(8, settings).dueMs).not.toEqual(makeSchedule(7, settings).dueMs)
  })

  test('keeps its arrivals and keys when only the share of reads changes', () => {
    const cold = { ...settings, warmUpMs: 0 }
    const [mixed, writes] = [makeSchedule(7, cold), makeSchedule(7, { ...cold, readShare: 0 })]
    expect(writes.dueMs).toEqual(mixed.dueMs)
    expect(writes.key).toEqual(mixed.key)
    expect(writes.isRead.every(isRead => isRead === 0)).toBe(true)
  })

  test('keeps the gaps within a phase when the phase before it gets longer', () => {
    const baselineOf = (warmUpMs: number) => {
      const [, baseline] = settings.phases
      const phases = [{ name: 'warm-up', durationMs: warmUpMs }, baseline!]
      const { dueMs } = makeSchedule(7, { ...settings, phases })
      return [...dueMs.filter(due => due >= warmUpMs)].map(due => (due - warmUpMs).toFixed(3))
    }
    expect(baselineOf(2_000)).toEqual(baselineOf(5_000))
  })
})

describe('when requests are due', () => {
  test('arrives by a Poisson process: count per 100 ms has mean and variance 20, gaps are exponential (tolerance 5 %)', () => {
    const { dueMs } = makeSchedule(1, settings)
    const counts = countsPer(dueMs, 100, 1_000)
    expect(mean(counts)).toBeGreaterThan(19)
    expect(mean(counts)).toBeLessThan(21)
    // The variance of 1,000 counts itself spreads by 4.5 %: three times that.
    expect(sampleVariance(counts)).toBeGreaterThan(17.3)
    expect(sampleVariance(counts)).toBeLessThan(22.7)
    const gaps = Array.from(dueMs.subarray(1), (due, index) => due - dueMs[index]!)
    const shareOverMean = gaps.filter(gap => gap > 5).length / gaps.length
    expect(shareOverMean).toBeGreaterThan(Math.exp(-1) * 0.95)
    expect(shareOverMean).toBeLessThan(Math.exp(-1) * 1.05)
  })

  test('spaces uniform arrivals evenly', () => {
    const { dueMs } = makeSchedule(1, { ...settings, arrivals: 'uniform' })
    expect(dueMs).toHaveLength(20_000)
    expect([...dueMs.subarray(0, 3)]).toEqual([2.5, 7.5, 12.5])
  })

  test('is in order and inside its phases', () => {
    const { dueMs } = makeSchedule(1, settings)
    expect(dueMs).toEqual(dueMs.slice().sort())
    expect(dueMs[0]).toBeGreaterThanOrEqual(0)
    expect(dueMs.at(-1)).toBeLessThan(100_000)
  })
})

describe('what a schedule asks for', () => {
  test('asks for keys as Zipf says: chi-square against theory under its 99.9 % bound', () => {
    const { key } = makeSchedule(1, { ...settings, keys: 50, warmUpMs: 0 })
    const shares = zipfShares(50, 1.1)
    const counts = new Float64Array(50)
    for (const rank of key) counts[rank - 1]!++
    const chiSquare = shares.reduce((sum, share, at) => {
      const expected = share * key.length
      return sum + (counts[at]! - expected) ** 2 / expected
    }, 0)
    // 49 degrees of freedom.
    expect(chiSquare).toBeLessThan(85.35)
  })

  test('asks for all keys alike when the exponent is 0', () => {
    for (const share of zipfShares(4, 0)) expect(share).toBeCloseTo(0.25)
  })

  test('walks through every key once, shuffled, with the first reads of the warm-up', () => {
    const { key, isRead, dueMs, unaskedKeys } = makeSchedule(1, settings)
    const reads = [...key.keys()].filter(index => isRead[index] === 1)
    const first = reads.slice(0, 200).map(index => key[index]!)
    expect(new Set(first).size).toBe(200)
    expect(first).not.toEqual(first.toSorted((a, b) => a - b))
    expect(dueMs[reads[199]!]).toBeLessThan(settings.warmUpMs)
    expect(unaskedKeys).toBe(0)
  })

  test('says how many keys a warm-up was too short for', () => {
    const short = makeSchedule(1, { ...settings, warmUpMs: 500, arrivals: 'uniform', readShare: 1 })
    expect(short.unaskedKeys).toBe(100)
  })

  test('is a read or a write by the share of reads (tolerance 1 point)', () => {
    const { isRead } = makeSchedule(1, settings)
    const reads = isRead.reduce((sum, one) => sum + one, 0)
    expect(reads / isRead.length).toBeGreaterThan(0.89)
    expect(reads / isRead.length).toBeLessThan(0.91)
  })
})
