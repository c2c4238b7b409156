// How fast did it come back? Counted from the fault's removal, as the proxy acknowledged it.
import type { ObservationColumns } from '../load/messages.ts'
import type { Scenario } from '../scenario.ts'
import { dueBetween, isGood, latencyAt, PLACE } from './observations.ts'
import { quantileSorted } from './statistics.ts'

/** What "back to normal" means: the bounds that the scenario puts on its baseline. */
export interface Objectives {
  goodputRead: number
  goodputWrite: number
  /** Of every read, failures with their full wait. */
  p95Ms: number
}

const WINDOW_MS = 2_000
const GRID_MS = 250

/** The scenario's bounds on its baseline; 99 %, 90 % and the client deadline where it has none. */
export function objectivesOf({ hypotheses, phases, load }: Scenario): Objectives {
  const baselines = phases.filter(phase => phase.role === 'baseline').map(phase => phase.name)
  const bound = (metric: string, otherwise: number) => {
    const found = hypotheses.find(entry => baselines.includes(entry.phase) && entry.metric === metric)?.bound
    return found === undefined ? otherwise : 'atLeast' in found ? found.atLeast : found.atMost
  }
  return {
    goodputRead: bound('goodput.read', 0.99),
    goodputWrite: bound('goodput.write', 0.9),
    p95Ms: bound('latency.served.p95', load.clientDeadlineMs),
  }
}

/**
 * The start, after `removedAtMs`, of the first 2 s window that meets every objective, on a 250 ms grid.
 * A stale answer is not normal, and writes count, too: an open breaker that serves stale reads has not recovered.
 * @returns both null when the run ended before one window could be seen
 */
export function recoveryOf(
  rows: ObservationColumns,
  removedAtMs: number,
  endMs: number,
  objectives: Objectives,
  clientDeadlineMs: number,
): { recoverMs: number | null; recoverWithinMs: number | null } {
  const latest = endMs - removedAtMs - WINDOW_MS
  if (latest < 0) return { recoverMs: null, recoverWithinMs: null }
  for (let afterMs = 0; afterMs <= latest; afterMs += GRID_MS) {
    const due = dueBetween(rows, removedAtMs + afterMs, removedAtMs + afterMs + WINDOW_MS)
    if (meets(rows, due, objectives, clientDeadlineMs)) return { recoverMs: afterMs, recoverWithinMs: null }
  }
  return { recoverMs: null, recoverWithinMs: latest }
}

function meets(
  rows: ObservationColumns,
  due: number[],
  objectives: Objectives,
  clientDeadlineMs: number,
): boolean {
  const reads = due.filter(at => rows.isRead[at] === 1)
  const writes = due.filter(at => rows.isRead[at] !== 1)
  const share = (places: number[]) =>
    places.filter(at => rows.outcome[at] !== PLACE.stale && isGood(rows, at, clientDeadlineMs)).length /
    places.length
  const p95 = quantileSorted(
    reads.map(at => latencyAt(rows, at)).sort((a, b) => a - b),
    0.95,
  )
  if (reads.length === 0 || p95 === null) return false
  if (share(reads) < objectives.goodputRead || p95 > objectives.p95Ms) return false
  return writes.length === 0 || share(writes) >= objectives.goodputWrite
}
