// Observations by the second in which they were due, for those who watch a run.
import type { LiveArm } from '../report/terminal/live.ts'
import type { ObservationColumns } from './load/messages.ts'
import { isGood, latencyAt, PLACE } from './measure/observations.ts'
import { quantileSorted } from './measure/statistics.ts'

interface Second {
  latencies: number[]
  reads: number
  goodReads: number
  stale: number
  failed: number
}

/** Sums observations up by the second in which they were due, as they come. */
export class SecondBuckets {
  readonly #seconds: Second[] = []

  /** Adds rows in whatever order they settled. */
  add(rows: ObservationColumns, clientDeadlineMs: number): void {
    for (let at = 0; at < rows.dueMs.length; at++) {
      const second = this.#at(Math.floor(rows.dueMs[at]! / 1_000))
      const good = isGood(rows, at, clientDeadlineMs)
      second.latencies.push(latencyAt(rows, at))
      if (!good) second.failed++
      if (rows.outcome[at] === PLACE.stale) second.stale++
      if (rows.isRead[at] !== 1) continue
      second.reads++
      if (good) second.goodReads++
    }
  }

  /** The first `count` seconds. */
  upTo(count: number): LiveArm['seconds'] {
    return Array.from({ length: count }, (_, index) => {
      const { latencies, reads, goodReads, stale, failed } = this.#at(index)
      const p95 = quantileSorted(
        latencies.sort((a, b) => a - b),
        0.95,
      )
      return { p95, goodputRead: reads === 0 ? null : goodReads / reads, stale, failed }
    })
  }

  #at(index: number): Second {
    this.#seconds[index] ??= { latencies: [], reads: 0, goodReads: 0, stale: 0, failed: 0 }
    return this.#seconds[index]
  }
}
