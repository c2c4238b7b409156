// What can be said of a run while it goes on, second by second.
import type { LiveArm, LiveState } from '../report/terminal/live.ts'
import { epochMs } from './clock.ts'
import type { ArmInRun, RunRecord } from './record.ts'

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
