// Rounds of measurements, and what they say together.
import { quantileSorted } from '../../scenarios/engine/measure/statistics.ts'
import { VoidError } from './void-error.ts'

/** What is measured. */
export interface Subject {
  name: string
}

/** One subject's figures, one a round; `void` says why they count for nothing, and is empty when they do. */
export interface Row<F, S extends Subject = Subject> {
  subject: S
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
 * Measures every subject in each round, a slice at a time, so that all meet the same moments of the machine; a round
 * is the list of its slices. The order is turned every second time, so that a machine that slows down does not favour
 * the first. One slice of each comes before all rounds, to warm up, and counts for nothing.
 */
export async function interleave<F, S extends Subject>(
  subjects: readonly S[],
  { rounds, slices }: { rounds: number; slices: number },
  measure: (subject: S) => Promise<F>,
): Promise<Row<F[], S>[]> {
  const rows = subjects.map((subject): Row<F[], S> => ({ subject, rounds: [], void: '' }))
  const sliceOfEach = async (turn: number, keep: (row: Row<F[], S>, slice: F) => void) => {
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
  for (let slice = 0; slice < rounds * slices; slice++) {
    const round = Math.floor(slice / slices)
    await sliceOfEach(slice, (row, measured) => {
      row.rounds[round] ??= []
      row.rounds[round].push(measured)
    })
  }
  return rows
}

/** The same rows with what each round's figures say. */
export function mapRounds<A, B, S extends Subject>(
  rows: readonly Row<A, S>[],
  say: (figures: A) => B,
): Row<B, S>[] {
  return rows.map(row => ({ ...row, rounds: row.rounds.map(say) }))
}

/** The samples of all slices. */
export function joined(slices: readonly Float64Array[]): Float64Array {
  return Float64Array.from(slices.flatMap(slice => [...slice]))
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
