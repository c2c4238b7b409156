// What can be said of a run while it goes on, second by second.
import type { LiveArm, LiveState } from '../report/terminal/live.ts'
import { epochMs } from './clock.ts'
import type { ObservationColumns } from './load/messages.ts'
import { isGood, latencyAt, PLACE } from './observations.ts'
import type { ArmInRun, RunRecord } from './record.ts'
import { quantileSorted } from './statistics.ts'

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

/** The state of a run now, from what has been written down. */
export function progressOf(record: RunRecord): LiveState {
  const { scenario, startEpochMs } = record
  const totalMs = scenario.phases.reduce((sum, phase) => sum + phase.durationMs, 0)
  const elapsedMs = Math.min(totalMs, Math.max(0, epochMs() - startEpochMs))
  // A second is whole when the last request due in it must have settled.
  const settled = Math.max(0, Math.floor((elapsedMs - scenario.load.clientDeadlineMs) / 1_000))
  return {
    scenario: scenario.name,
    phase: record.phases.at(-1)?.name ?? scenario.phases[0]?.name ?? '',
    elapsedMs,
    totalMs,
    arms: record.arms.map(arm => ({
      name: arm.lab.arm.name,
      breaker: breakerOf(arm),
      seconds: arm.seconds.upTo(settled),
    })),
  }
}

function breakerOf({ gateway }: ArmInRun): LiveArm['breaker'] {
  if (!gateway?.hello.guards.includes('breaker')) return null
  return gateway.transitions.at(-1)?.to ?? 'closed'
}
