// From what was recorded to the figures of one arm. Pure; the rules are in the README, "What the numbers mean".
import type {
  ArmPhase,
  ArmReport,
  ArmSecond,
  BreakerTransition,
  GatewaySample,
  Outcome,
  OutcomeCounts,
  Overhead,
  PhaseWindow,
} from '../../report/report.ts'
import { OUTCOMES } from '../../report/report.ts'
import type { ObservationColumns } from '../load/messages.ts'
import type { Arm, Guard } from '../scenario.ts'
import { dueBetween, isGood, latencyAt, PLACE } from './observations.ts'
import { type Objectives, recoveryOf } from './recovery.ts'
import { percentiles, proportion, quantileSorted } from './statistics.ts'

/** What the gateway had counted at one moment of the run. */
export interface GatewayCount extends GatewaySample {
  /** Since the gateway started. */
  upstreamCalls: number
  upstreamInFlightMax: number
}

/** All that was recorded of one arm. Times are milliseconds since the load started. */
export interface ArmRecord {
  arm: Arm
  /** In the order in which they were due. */
  observations: ObservationColumns
  transitions: BreakerTransition[]
  counts: GatewayCount[]
  /** Writes that had reached the origin more than once, at the end of each phase; null where nobody counted. */
  duplicateWrites: (number | null)[]
  /** The guards that its gateway said it runs. */
  guards: Guard[]
  settings: Record<string, string>
  exits: number
}

/** What holds for the whole run. */
export interface RunFacts {
  phases: PhaseWindow[]
  isStamped: boolean
  clientDeadlineMs: number
  objectives: Objectives
  /** The arm that goes past the gateway, where there is one. */
  direct: ObservationColumns | null
}

/** The figures of one arm. */
export function measureArm(record: ArmRecord, facts: RunFacts): ArmReport {
  const { arm, observations, transitions, counts } = record
  const fault = facts.phases.flatMap(phase => phase.faults)
  const injectedAtMs = Math.min(...fault.map(({ injectedAtMs }) => injectedAtMs))
  const removedAtMs = Math.max(...fault.map(({ removedAtMs }) => removedAtMs))
  const opened = transitions.find(({ to, atMs }) => to === 'open' && atMs >= injectedAtMs)
  const endMs = facts.phases.at(-1)?.endMs ?? 0
  return {
    name: arm.name,
    through: arm.through,
    guards: record.guards,
    settings: record.settings,
    phases: facts.phases.map((phase, index) => measurePhase(record, facts, phase, index)),
    seconds: measureSeconds(observations, facts, endMs),
    breaker: { transitions, opens: transitions.filter(({ to }) => to === 'open').length },
    detectMs: fault.length === 0 || opened === undefined ? null : opened.atMs - injectedAtMs,
    ...(fault.length === 0
      ? { recoverMs: null, recoverWithinMs: null }
      : recoveryOf(observations, removedAtMs, endMs, facts.objectives, facts.clientDeadlineMs)),
    gateway: counts.map(({ atMs, eventLoopLagMs, rssMb, upstreamInFlight }) => ({
      atMs,
      eventLoopLagMs,
      rssMb,
      upstreamInFlight,
    })),
    exits: record.exits,
  }
}

function measurePhase(record: ArmRecord, facts: RunFacts, phase: PhaseWindow, index: number): ArmPhase {
  const rows = record.observations
  const due = dueBetween(rows, phase.startMs, phase.endMs)
  const reads = due.filter(at => rows.isRead[at] === 1)
  const writes = due.filter(at => rows.isRead[at] !== 1)
  const good = (places: number[]) => places.filter(at => isGood(rows, at, facts.clientDeadlineMs))
  const ofOutcome = (places: number[], outcome: Outcome) =>
    places.filter(at => rows.outcome[at] === PLACE[outcome])
  const latencies = (places: number[]) => places.map(at => latencyAt(rows, at))
  const counts = countOutcomes(rows, due)
  const calls = upstreamCallsIn(record, phase)
  return {
    phase: phase.name,
    scheduled: due.length,
    outcomes: counts,
    goodput: {
      read: proportion(good(reads).length, reads.length),
      write: proportion(good(writes).length, writes.length),
    },
    served: percentiles(latencies(good(reads))),
    all: percentiles(latencies(due)),
    write: percentiles(latencies(writes)),
    stale: proportion(ofOutcome(reads, 'stale').length, reads.length),
    cached: proportion(ofOutcome(reads, 'cached').length, reads.length),
    shed: proportion(counts.shed, due.length),
    staleAgeMaxMs: greatest(ofOutcome(reads, 'stale').map(at => rows.ageMs[at]!)),
    upstreamCalls: calls,
    upstreamPerRequest: calls === null || due.length === 0 ? null : calls / due.length,
    upstreamInFlightMax: greatest(
      record.counts
        .filter(({ atMs }) => atMs > phase.startMs && atMs <= phase.endMs)
        .map(count => count.upstreamInFlightMax),
    ),
    breakerOpens: record.transitions.filter(
      ({ to, atMs }) => to === 'open' && atMs >= phase.startMs && atMs < phase.endMs,
    ).length,
    corrupt: facts.isStamped ? counts.corrupt : null,
    wrong: facts.isStamped ? counts.wrong : null,
    duplicateWrites: record.duplicateWrites[index] ?? null,
    overhead:
      facts.direct === null || record.arm.through === 'direct'
        ? null
        : overheadOver(facts.direct, rows, reads),
  }
}

/**
 * What the gateway added to reads that it passed on itself: answers from the cache, or shared with another request,
 * would flatter it. The origin draws its service time from the arrival, so a pair waited for the same work.
 */
function overheadOver(
  direct: ObservationColumns,
  rows: ObservationColumns,
  reads: number[],
): Overhead | null {
  const isPassedOn = (of: ObservationColumns, at: number) =>
    of.outcome[at] === PLACE.fresh && of.isCollapsed[at] !== 1
  const placeInDirect = new Map(direct.index.entries().map(([at, index]) => [index, at]))
  const pairs = reads
    .filter(at => isPassedOn(rows, at))
    .map(at => [at, placeInDirect.get(rows.index[at]!)] as const)
    .filter((pair): pair is readonly [number, number] => pair[1] !== undefined && isPassedOn(direct, pair[1]))
  if (pairs.length === 0) return null
  const here = ascending(pairs.map(([at]) => latencyAt(rows, at)))
  const there = ascending(pairs.map(([, at]) => latencyAt(direct, at)))
  const differences = ascending(pairs.map(([at, other]) => latencyAt(rows, at) - latencyAt(direct, other)))
  return {
    pairs: pairs.length,
    p95Ms: quantileSorted(here, 0.95)! - quantileSorted(there, 0.95)!,
    medianMs: quantileSorted(differences, 0.5)!,
  }
}

function ascending(values: number[]): number[] {
  return values.sort((a, b) => a - b)
}

function countOutcomes(rows: ObservationColumns, places: number[]): OutcomeCounts {
  const counts = Object.fromEntries(OUTCOMES.map(outcome => [outcome, 0])) as OutcomeCounts
  for (const at of places) counts[OUTCOMES[rows.outcome[at]!]!]++
  return counts
}

/** Calls counted between the gateway's last reports before the phase's start and before its end. */
function upstreamCallsIn({ counts }: ArmRecord, { startMs, endMs }: PhaseWindow): number | null {
  const upTo = (ms: number) => counts.findLast(({ atMs }) => atMs <= ms)?.upstreamCalls
  const last = upTo(endMs)
  return last === undefined ? null : last - (upTo(startMs) ?? 0)
}

function greatest(values: number[]): number | null {
  const known = values.filter(value => !Number.isNaN(value))
  return known.length === 0 ? null : known.reduce((most, value) => Math.max(most, value))
}

function measureSeconds(rows: ObservationColumns, facts: RunFacts, endMs: number): ArmSecond[] {
  const seconds: ArmSecond[] = []
  for (let atMs = 0; atMs < endMs; atMs += 1_000) {
    const due = dueBetween(rows, atMs, Math.min(atMs + 1_000, endMs))
    const reads = due.filter(at => rows.isRead[at] === 1)
    const good = reads.filter(at => isGood(rows, at, facts.clientDeadlineMs))
    const sorted = ascending(due.map(at => latencyAt(rows, at)))
    const last5 = dueBetween(rows, atMs - 4_000, Math.min(atMs + 1_000, endMs))
    const sorted5 = ascending(last5.map(at => latencyAt(rows, at)))
    seconds.push({
      atMs,
      scheduled: due.length,
      outcomes: countOutcomes(rows, due),
      goodputRead: reads.length === 0 ? null : good.length / reads.length,
      p50: quantileSorted(sorted, 0.5),
      p95: quantileSorted(sorted, 0.95),
      p99: quantileSorted(sorted5, 0.99),
    })
  }
  return seconds
}
