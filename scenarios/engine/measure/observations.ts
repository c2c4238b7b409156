// Reading the columns that the load generator wrote.
import { OUTCOMES } from '../../report/report.ts'
import type { ObservationColumns } from '../load/messages.ts'
import { lowerBound } from './statistics.ts'

/** The place of each outcome in its column. */
export const PLACE = Object.fromEntries(OUTCOMES.map((outcome, index) => [outcome, index])) as Record<
  (typeof OUTCOMES)[number],
  number
>

/** Whether the observation at `at` is an acceptable answer inside the client's deadline. */
export function isGood(rows: ObservationColumns, at: number, clientDeadlineMs: number): boolean {
  const outcome = rows.outcome[at]!
  return (
    (outcome === PLACE.fresh || outcome === PLACE.cached || outcome === PLACE.stale) &&
    latencyAt(rows, at) <= clientDeadlineMs
  )
}

/** Milliseconds from the moment a request was due to its end. */
export function latencyAt(rows: ObservationColumns, at: number): number {
  return rows.endedMs[at]! - rows.dueMs[at]!
}

/** Places of the observations due in [startMs, endMs), which are contiguous. */
export function dueBetween(rows: ObservationColumns, startMs: number, endMs: number): number[] {
  const places: number[] = []
  for (let at = lowerBound(rows.dueMs, startMs); at < rows.dueMs.length && rows.dueMs[at]! < endMs; at++)
    places.push(at)
  return places
}
