import { describe, expect, test } from 'vitest'
import { exponential, logNormal, pareto } from '../../../chaos/random/distributions.ts'
import { randomStream } from '../../../chaos/random/seed.ts'
import { shuffledRanks } from '../../../scenarios/engine/load/popularity.ts'
import { quantileSorted } from '../../../scenarios/engine/measure/statistics.ts'

const SAMPLES = 50_000

function drawn(draw: () => number): Float64Array {
  return Float64Array.from({ length: SAMPLES }, draw).sort()
}

describe('a random stream', () => {
  test('is the same for the same seed and name', () => {
    const [one, other] = [randomStream(5, 'keys'), randomStream(5, 'keys')]
    expect(Array.from({ length: 100 }, one)).toEqual(Array.from({ length: 100 }, other))
  })

  test('has nothing to do with the stream of another name or seed (tolerance: correlation under 0.02)', () => {
    const base = randomStream(5, 'keys')
    for (const other of [randomStream(5, 'reads'), randomStream(6, 'keys'), randomStream(0, 'keys')]) {
      let product = 0
      for (let draw = 0; draw < SAMPLES; draw++) product += (base() - 0.5) * (other() - 0.5)
      expect(Math.abs((product / SAMPLES) * 12)).toBeLessThan(0.02)
    }
  })

  test('fills [0, 1) evenly: ten bins, chi-square under its 99.9 % bound', () => {
    const random = randomStream(1, 'even')
    const bins = new Array<number>(10).fill(0)
    for (let draw = 0; draw < SAMPLES; draw++) bins[Math.floor(random() * 10)]!++
    const expected = SAMPLES / 10
    expect(bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(27.88)
  })

  test('differs from its first draw on between neighbouring names', () => {
    const first = Array.from({ length: 1_000 }, (_, index) => randomStream(1, `1-${index}`)())
    expect(new Set(first).size).toBe(1_000)
    const average = first.reduce((sum, value) => sum + value, 0) / first.length
    expect(Math.abs(average - 0.5)).toBeLessThan(0.04)
  })
})

describe('distributions', () => {
  test('exponential waits have the median ln 2 of their mean (tolerance 3 %)', () => {
    const random = randomStream(1, 'waits')
    const median = quantileSorted(
      drawn(() => exponential(random, 100)),
      0.5,
    )!
    expect(Math.abs(median / (100 * Math.LN2) - 1)).toBeLessThan(0.03)
  })

  test('log-normal times have their median, and e^sigma more at 84.1 % (tolerance 3 %)', () => {
    const random = randomStream(1, 'times')
    const times = drawn(() => logNormal(random, 20, 0.3))
    expect(Math.abs(quantileSorted(times, 0.5)! / 20 - 1)).toBeLessThan(0.03)
    expect(Math.abs(quantileSorted(times, 0.8413)! / (20 * Math.exp(0.3)) - 1)).toBeLessThan(0.03)
  })

  test('Pareto times are never under their minimum, and twice it at 1 - 2^-shape (tolerance 3 %)', () => {
    const random = randomStream(1, 'tail')
    const times = drawn(() => pareto(random, 20, 1.5))
    expect(times[0]).toBeGreaterThanOrEqual(20)
    expect(Math.abs(quantileSorted(times, 1 - 2 ** -1.5)! / 40 - 1)).toBeLessThan(0.03)
  })

  test('a log-normal time without spread is its median', () => {
    expect(logNormal(randomStream(1, 'times'), 20, 0)).toBe(20)
  })

  test('a shuffle keeps every rank once', () => {
    const ranks = shuffledRanks(randomStream(1, 'shuffle'), 100)
    expect(ranks.slice().sort()).toEqual(Uint32Array.from({ length: 100 }, (_, index) => index + 1))
  })
})
