// What several renderings read out of a report in the same way, so that no two of them tell it differently.
import type {
  ArmPhase,
  ArmReport,
  Difference,
  Environment,
  Finding,
  Instrument,
  Outcome,
  PhaseWindow,
  Report,
} from './report.ts'
import { count, duration, isFactor, measure, NOT_MEASURED } from './words.ts'

/** From the load's start to the end of the last phase that ran; 0 when none did. */
export function runMs(report: Report): number {
  return Math.max(0, ...report.phases.map(phase => phase.endMs))
}

/** What an arm found in a phase, if it got that far. */
export function phaseOf(arm: ArmReport | undefined, name: string): ArmPhase | undefined {
  return arm?.phases.find(phase => phase.phase === name)
}

/** The phases a reader cares for first: those of fault, else the baselines, else whatever ran. */
export function phasesInFocus(report: Report): PhaseWindow[] {
  const faults = report.phases.filter(phase => phase.role === 'fault')
  if (faults.length > 0) return faults
  const baselines = report.phases.filter(phase => phase.role === 'baseline')
  return baselines.length > 0 ? baselines : report.phases
}

/** Which phases are missing or shorter than planned, one line each; empty for a whole run. */
export function cutShort(report: Report): string[] {
  return report.scenario.phases.flatMap(planned => {
    const plannedMs = report.quick ? planned.quickMs : planned.durationMs
    const ran = report.phases.find(phase => phase.name === planned.name)
    if (ran === undefined) return [`${planned.name} did not run (${duration(plannedMs)} planned)`]
    const ranMs = ran.endMs - ran.startMs
    return ranMs < plannedMs * 0.9 ? [`${planned.name} ran ${duration(ranMs)} of ${duration(plannedMs)}`] : []
  })
}

/** "≥ 95 %", "≤ 450 ms". */
export function boundOf({ hypothesis, unit }: Pick<Finding, 'hypothesis' | 'unit'>): string {
  const { bound, metric } = hypothesis
  const [sign, limit] = 'atLeast' in bound ? ['≥', bound.atLeast] : ['≤', bound.atMost]
  return `${sign} ${measure(limit, unit, metric).replace('.0 %', ' %')}`
}

/** How far inside or outside its bound a finding lies: "2.9 points to spare", "missed by 120 ms". */
export function marginOf({ hypothesis, unit, measured }: Finding): string {
  if (measured === null) return NOT_MEASURED
  const { bound, metric } = hypothesis
  const spare = 'atLeast' in bound ? measured - bound.atLeast : bound.atMost - measured
  if (spare === 0) return 'just met'
  const size = apart(Math.abs(spare), unit, metric)
  return spare > 0 ? `${size} to spare` : `missed by ${size}`
}

function apart(size: number, unit: Finding['unit'], metric: string): string {
  if (unit === 'ratio' && !isFactor(metric)) return `${(size * 100).toFixed(1)} points`
  return measure(size, unit, metric)
}

/** A difference with its sign, first against second: "+61.2 points", "−1,540 ms", "−0.31×". */
export function differenceOf({ metric, unit, first, second }: Difference): string {
  if (first === null || second === null) return NOT_MEASURED
  const sign = first === second ? '±' : first > second ? '+' : '−'
  return `${sign}${apart(Math.abs(first - second), unit, metric)}`
}

/** What the metrics of a difference are called for people. */
export const DIFFERENCE_NAMES: Record<Difference['metric'], string> = {
  'goodput.read': 'goodput, reads',
  'goodput.write': 'goodput, writes',
  'latency.served.p95': 'p95 of what was served',
  'latency.all.p95': 'p95 of every request',
  amplification: 'upstream calls per request',
}

/** The guards that the first arm has and the second has not: "8 guards against none", "cache, single-flight". */
export function guardsApart(first: ArmReport, second: ArmReport): string {
  const more = first.guards.filter(guard => !second.guards.includes(guard))
  if (more.length === 0) return 'the same guards'
  return second.guards.length === 0 && more.length > 1
    ? `${count(more.length)} guards against none`
    : more.join(', ')
}

/** What an arm is, in a few words. */
export function armInWords(arm: ArmReport): string {
  if (arm.through === 'direct') return 'straight to the chaos proxy, no gateway'
  if (arm.guards.length === 0) return 'every guard off'
  return arm.guards.join(', ')
}

/** True where an arm has a breaker that could open. */
export function hasBreaker(arm: ArmReport): boolean {
  return arm.through === 'gateway' && arm.guards.includes('breaker')
}

/** "2.3 s", "not within 15 s", "not measured". */
export function recoveryOf(arm: ArmReport): string {
  if (arm.recoverMs !== null) return duration(arm.recoverMs)
  return arm.recoverWithinMs === null ? NOT_MEASURED : `not within ${duration(arm.recoverWithinMs)}`
}

/** "0.9 s", "no breaker", "never opened"; "not measured" where no fault was put in. */
export function detectionOf(report: Report, arm: ArmReport): string {
  if (!hasBreaker(arm)) return 'no breaker'
  if (arm.detectMs !== null) return duration(arm.detectMs)
  const wasInjected = report.phases.some(phase => phase.faults.length > 0)
  return wasInjected && arm.breaker.opens === 0 ? 'never opened' : NOT_MEASURED
}

/** An outcome's share of what was scheduled; null where nothing was. */
export function shareOf(phase: ArmPhase, outcome: Outcome): number | null {
  return phase.scheduled === 0 ? null : phase.outcomes[outcome] / phase.scheduled
}

/** Outcomes that have no column of their own and should not happen: "3 corrupt, 1 unsent"; empty if none did. */
export function oddOutcomes(phase: ArmPhase): string {
  return (['corrupt', 'wrong', 'unsent'] as const)
    .filter(outcome => phase.outcomes[outcome] > 0)
    .map(outcome => `${count(phase.outcomes[outcome])} ${outcome}`)
    .join(', ')
}

/** The worst of what an arm's gateway process felt; null where nobody sampled it. */
export function gatewayPeaks(arm: ArmReport): { lagMs: number; rssMb: number; inFlight: number } | null {
  if (arm.gateway.length === 0) return null
  const most = (of: (sample: ArmReport['gateway'][number]) => number) =>
    arm.gateway.reduce((peak, sample) => Math.max(peak, of(sample)), 0)
  return {
    lagMs: most(sample => sample.eventLoopLagMs),
    rssMb: most(sample => sample.rssMb),
    inFlight: most(sample => sample.upstreamInFlight),
  }
}

/** Whether the load generator can be believed, in one sentence. */
export function belief({ valid, scheduled }: Instrument): string {
  if (scheduled === 0) return 'No load was sent.'
  return valid
    ? 'The load generator stayed inside its gate.'
    : 'The load generator was outside its gate: no number of this run is to be believed.'
}

/** Which chaos proxy there was, and whether its draws can be repeated. */
export function toxiproxyWords({ toxiproxy: { kind, version, seed } }: Environment): string {
  // Reports of earlier versions have none.
  const draws = typeof seed === 'number' ? `draws from seed ${seed}` : 'draws that no seed repeats'
  return `${kind} ${version}, ${draws}`
}
