// Rounds of measurements, and what they say together.
import { quantileSorted } from '../../../scenarios/engine/measure/statistics.ts'
import type { Subject } from './subjects.ts'
import { VoidError } from './void-error.ts'

/** One subject's figures, one a round; `void` says why they count for nothing, and is empty when they do. */
export interface Row<F> {
  subject: Subject
  rounds: F[]
  void: string
}

/** The middle, and how far the rounds went to either side. */
export interface Spread {
  median: number
  least: number
  most: number
}

/**
 * Measures every subject in each round, a slice at a time, so that all meet the same moments of the machine; a round's
 * samples are those of its slices. The order is turned every second time, so that a machine that slows down does not
 * favour the first. One slice of each comes before all rounds, to warm up, and counts for nothing.
 */
export async function interleave(
  subjects: readonly Subject[],
  { rounds, slices }: { rounds: number; slices: number },
  measure: (subject: Subject) => Promise<Float64Array>,
): Promise<Row<Float64Array>[]> {
  const rows = subjects.map((subject): Row<Float64Array> => ({ subject, rounds: [], void: '' }))
  const sliceOfEach = async (turn: number, keep: (row: Row<Float64Array>, samples: Float64Array) => void) => {
    for (const row of turn % 2 === 0 ? rows : rows.toReversed()) {
      if (row.void !== '') continue
      try {
        keep(row, await measure(row.subject))
      } catch (error) {
        if (!(error instanceof VoidError)) throw error
        row.void = error.message
      }
    }
  }
  await sliceOfEach(0, () => {})
  for (let round = 0; round < rounds; round++) {
    for (let slice = 0; slice < slices; slice++) {
      await sliceOfEach(slice, (row, samples) => {
        row.rounds[round] = Float64Array.of(...(row.rounds[round] ?? []), ...samples)
      })
    }
  }
  return rows
}

/** The same rows with what each round's samples say. */
export function mapRounds<A, B>(rows: readonly Row<A>[], say: (figures: A) => B): Row<B>[] {
  return rows.map(row => ({ ...row, rounds: row.rounds.map(say) }))
}

export function spreadOf(values: readonly number[]): Spread {
  const ascending = Float64Array.from(values).sort()
  return {
    median: quantileSorted(ascending, 0.5) ?? Number.NaN,
    least: ascending[0] ?? Number.NaN,
    most: ascending.at(-1) ?? Number.NaN,
  }
}

/** A figure of one row against the same round's of another; nothing when either row is void. */
export function against<F>(
  row: Row<F>,
  base: Row<F> | undefined,
  compare: (figures: F, base: F) => number,
): Spread | undefined {
  if (base === undefined || base.void !== '' || row.void !== '') return undefined
  return spreadOf(row.rounds.map((figures, round) => compare(figures, base.rounds[round]!)))
}
