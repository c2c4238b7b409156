// What the numbers of a run say, and how surely. Pure functions.
import { mean, sampleStandardDeviation } from 'simple-statistics'
import type { Percentiles, Proportion } from '../../report/report.ts'

/** Standard normal quantile of a two-sided 95 % interval. */
const Z_95 = 1.959963984540054
const CONFIDENCE = 0.95

type Numbers = ArrayLike<number> & Iterable<number>

/**
 * Nearest-rank quantile of values in ascending order: the smallest that at least a share `q` of them do not exceed,
 * so always one that was observed. Null where there are none.
 */
export function quantileSorted(ascending: ArrayLike<number>, q: number): number | null {
  if (ascending.length === 0) return null
  return ascending[nearestRank(ascending.length, q) - 1]!
}

function nearestRank(samples: number, q: number): number {
  // 0.07 * 100 is a hair over 7 in floating point, and must not become rank 8.
  return Math.min(samples, Math.max(1, Math.ceil(q * samples - 1e-9)))
}

/** The report's percentiles of values in any order: exact, nearest rank, null where there is no sample. */
export function percentiles(values: Numbers): Percentiles {
  const ascending = Float64Array.from(values).sort()
  return {
    samples: ascending.length,
    p50: quantileSorted(ascending, 0.5),
    p95: quantileSorted(ascending, 0.95),
    p99: quantileSorted(ascending, 0.99),
    max: ascending.at(-1) ?? null,
  }
}

/**
 * Fewest samples with which the largest of them is, with 95 % confidence, no less than the quantile `q`: 59 for p95,
 * 299 for p99. With fewer, a "p95" is only the maximum by another name, and no claim rests on it.
 */
export function leastSamplesFor(q: number): number {
  return Math.ceil(Math.log(1 - CONFIDENCE) / Math.log(q))
}

/** A share with its 95 % Wilson score interval; both null of nothing. */
export function proportion(good: number, of: number): Proportion {
  if (of === 0) return { value: null, good, of, interval: null }
  const value = good / of
  const spread = Z_95 * Math.sqrt((value * (1 - value)) / of + (Z_95 / (2 * of)) ** 2)
  const centre = value + Z_95 ** 2 / (2 * of)
  const scale = 1 + Z_95 ** 2 / of
  // Rounding must not carry an end past the value it brackets.
  const low = good === 0 ? 0 : Math.max(0, (centre - spread) / scale)
  const high = good === of ? 1 : Math.min(1, (centre + spread) / scale)
  return { value, good, of, interval: [low, high] }
}

/** Place of the first of `ascending` that is at least `value`; its length where none is. */
export function lowerBound(ascending: ArrayLike<number>, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

/** The relevant difference: an effect under 10 % is none, however sure. */
export const RELEVANT_RATIO = 1.1

/** How the second of two arms compares with the first over pairs of runs, in a measure of which less is better. */
export interface Comparison {
  /** Second ÷ first, geometric mean over the pairs. */
  ratio: number
  /** 95 %. */
  interval: [number, number]
  pairs: number
  verdict: 'worse' | 'better' | 'same' | 'inconclusive'
  /** If inconclusive: further pairs that would settle it if they were like these; null where too many, or not needed. */
  furtherPairs: number | null
}

const FURTHER_PAIRS_LIMIT = 200

/**
 * Compares two arms by the paired t interval of the log ratio; the run is the unit, so each pair is one number of one
 * run of each arm under the same seed.
 * @throws RangeError with fewer than two pairs, or a number that is not positive
 */
export function comparePairs(pairs: { first: number; second: number }[]): Comparison {
  if (pairs.length < 2)
    throw new RangeError(`a comparison needs at least 2 pairs of runs, got ${pairs.length}`)
  const logs = pairs.map(({ first, second }) => Math.log(second / first))
  if (!logs.every(Number.isFinite)) throw new RangeError('a ratio needs numbers above 0')
  const centre = mean(logs)
  const deviation = sampleStandardDeviation(logs)
  const verdictOf = (count: number) => judge(centre, halfWidth(deviation, count))
  const half = halfWidth(deviation, logs.length)
  const verdict = verdictOf(logs.length)
  let furtherPairs: number | null = null
  for (let more = 1; verdict === 'inconclusive' && more <= FURTHER_PAIRS_LIMIT; more++) {
    if (verdictOf(logs.length + more) === 'inconclusive') continue
    furtherPairs = more
    break
  }
  const interval: [number, number] = [Math.exp(centre - half), Math.exp(centre + half)]
  return { ratio: Math.exp(centre), interval, pairs: logs.length, verdict, furtherPairs }
}

function halfWidth(deviation: number, pairs: number): number {
  return (studentT95(pairs - 1) * deviation) / Math.sqrt(pairs)
}

function judge(centre: number, half: number): Comparison['verdict'] {
  const relevant = Math.log(RELEVANT_RATIO)
  if (centre - half > 0 && centre > relevant) return 'worse'
  if (centre + half < 0 && centre < -relevant) return 'better'
  return centre - half > -relevant && centre + half < relevant ? 'same' : 'inconclusive'
}

// Where the expansion below is not yet right to 0.001.
const STUDENT_T_95 = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469]

/**
 * Student's t for a two-sided 95 % interval: from the table up to 6 degrees of freedom, then by the Cornish-Fisher
 * expansion about the normal quantile (Abramowitz and Stegun, 26.7.5).
 */
export function studentT95(degrees: number): number {
  const listed = STUDENT_T_95[degrees - 1]
  if (listed !== undefined) return listed
  const z = Z_95
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  )
}
