// One made-up arm of a sample report: its seconds are drawn from a seed, and its phases add them up.
import {
  type ArmPhase,
  type ArmReport,
  type ArmSecond,
  type BreakerTransition,
  OUTCOMES,
  type OutcomeCounts,
  type PhaseWindow,
  type Proportion,
} from '../../scenarios/report/report.ts'

/** Which behaviour an arm shows, and the seed of its noise. */
export interface ArmPlan {
  name: string
  kind: 'guarded' | 'bare' | 'uncached' | 'direct'
  seed: number
}

interface Mood {
  shares: Partial<OutcomeCounts>
  p50: number
  p95: number
  p99: number
}

const GUARDS = 'rate-limit cache single-flight deadline bulkhead breaker retry attempt-limit'.split(
  ' ',
) as ArmReport['guards']

const MOODS = {
  cold: { shares: { fresh: 0.8, cached: 0.2 }, p50: 17, p95: 41, p99: 66 },
  well: { shares: { fresh: 0.36, cached: 0.64 }, p50: 2.1, p95: 34, p99: 58 },
  struck: { shares: { cached: 0.3, stale: 0.45, timeout: 0.05, shed: 0.2 }, p50: 190, p95: 395, p99: 404 },
  open: { shares: { cached: 0.02, stale: 0.87, shed: 0.1, error: 0.01 }, p50: 1.2, p95: 3.1, p99: 12 },
  probing: { shares: { stale: 0.88, shed: 0.1, error: 0.02 }, p50: 1.3, p95: 5.2, p99: 188 },
  plain: { shares: { fresh: 1 }, p50: 21, p95: 38, p99: 57 },
  hanging: { shares: { fresh: 0.03, timeout: 0.95, error: 0.02 }, p50: 500, p95: 502, p99: 504 },
} satisfies Record<string, Mood>

/** An arm of that plan over these phases; twice the same plan gives twice the same arm. */
export function sampleArm(plan: ArmPlan, phases: PhaseWindow[], ratePerSecond: number): ArmReport {
  const random = generator(plan.seed)
  const endMs = Math.max(...phases.map(phase => phase.endMs))
  const fault = phases.flatMap(phase => phase.faults)[0]
  const seconds = Array.from({ length: Math.ceil(endMs / 1_000) }, (_, index) =>
    secondOf(index * 1_000, moodAt(plan, index * 1_000, phases), ratePerSecond, random),
  )
  const transitions = plan.kind === 'guarded' && fault !== undefined ? transitionsOf(fault, random) : []
  const hasGateway = plan.kind !== 'direct'
  return {
    name: plan.name,
    through: hasGateway ? 'gateway' : 'direct',
    guards: plan.kind === 'guarded' ? GUARDS : plan.kind === 'uncached' ? ['deadline', 'breaker'] : [],
    phases: phases.map(phase => phaseOf(phase, seconds)),
    seconds,
    breaker: { transitions, opens: transitions.filter(({ to }) => to === 'open').length },
    detectMs: plan.kind === 'guarded' && fault !== undefined ? 846 : null,
    recoverMs: fault === undefined ? null : plan.kind === 'guarded' ? 1_250 : 750,
    recoverWithinMs: null,
    settings: {},
    gateway: hasGateway ? samplesOf(endMs, random) : [],
    exits: 0,
  }
}

function moodAt({ kind }: ArmPlan, atMs: number, phases: PhaseWindow[]): Mood {
  const phase = phases.find(({ startMs, endMs }) => atMs >= startMs && atMs < endMs)
  if (kind !== 'guarded') return phase?.role === 'fault' ? MOODS.hanging : MOODS.plain
  if (phase?.role === 'fault') {
    const sinceMs = atMs - phase.startMs
    return sinceMs < 1_000 ? MOODS.struck : (sinceMs / 1_000) % 2 === 1 ? MOODS.probing : MOODS.open
  }
  if (phase?.role === 'recovery' && atMs - phase.startMs < 1_000) return MOODS.open
  return atMs < 2_000 ? MOODS.cold : MOODS.well
}

function secondOf(atMs: number, mood: Mood, rate: number, random: () => number): ArmSecond {
  const scheduled = Math.round(rate + (random() + random() + random() - 1.5) * 2 * Math.sqrt(rate))
  const outcomes = Object.fromEntries(OUTCOMES.map(outcome => [outcome, 0])) as OutcomeCounts
  const shares = Object.entries(mood.shares) as [keyof OutcomeCounts, number][]
  let left = scheduled
  shares.forEach(([outcome, share], index) => {
    const wanted = Math.round(scheduled * share * (0.95 + random() * 0.1))
    outcomes[outcome] = index === shares.length - 1 ? left : Math.min(left, wanted)
    left -= outcomes[outcome]
  })
  const good = outcomes.fresh + outcomes.cached + outcomes.stale
  const wobble = () => 0.92 + random() * 0.16
  return {
    atMs,
    scheduled,
    outcomes,
    goodputRead: Math.min(1, good / (scheduled * (mood === MOODS.hanging || mood === MOODS.plain ? 1 : 0.9))),
    p50: mood.p50 * wobble(),
    p95: mood.p95 * wobble(),
    p99: mood.p99 * (0.9 + random() * 0.5),
  }
}

function transitionsOf(
  fault: { injectedAtMs: number; removedAtMs: number },
  random: () => number,
): BreakerTransition[] {
  const list: BreakerTransition[] = []
  let atMs = fault.injectedAtMs + 846
  let from: BreakerTransition['from'] = 'closed'
  const move = (to: BreakerTransition['to']) => {
    list.push({ atMs, from, to, eventLoopLagMs: 0.4 + random() * 2 })
    from = to
  }
  move('open')
  for (;;) {
    atMs += 2_002
    move('half-open')
    if (atMs > fault.removedAtMs) break
    atMs += 184
    move('open')
  }
  atMs += 31
  move('closed')
  return list
}

function samplesOf(endMs: number, random: () => number): ArmReport['gateway'] {
  return Array.from({ length: endMs / 250 }, (_, index) => ({
    atMs: index * 250,
    eventLoopLagMs: 0.3 + random() * 3,
    rssMb: 84 + index / 20 + random(),
    upstreamInFlight: Math.round(random() * 12),
  }))
}

function phaseOf(phase: PhaseWindow, all: ArmSecond[]): ArmPhase {
  const seconds = all.filter(({ atMs }) => atMs >= phase.startMs && atMs < phase.endMs)
  const scheduled = total(seconds, second => second.scheduled)
  const outcomes = Object.fromEntries(
    OUTCOMES.map(outcome => [outcome, total(seconds, second => second.outcomes[outcome])]),
  ) as OutcomeCounts
  const reads = Math.round(scheduled * 0.9)
  const served = outcomes.fresh + outcomes.cached + outcomes.stale
  const middle = (of: (second: ArmSecond) => number | null) => {
    const values = seconds.map(second => of(second) ?? 0).sort((a, b) => a - b)
    return values[Math.floor(values.length / 2)] ?? null
  }
  const percentiles = (samples: number) => ({
    samples,
    p50: middle(second => second.p50),
    p95: middle(second => second.p95),
    p99: middle(second => second.p99),
    max: Math.max(...seconds.map(second => second.p99 ?? 0)),
  })
  return {
    phase: phase.name,
    scheduled,
    outcomes,
    goodput: {
      read: share(Math.min(reads, served), reads),
      write: share(Math.min(scheduled - reads, outcomes.fresh), scheduled - reads),
    },
    served: percentiles(served),
    all: percentiles(scheduled),
    write: percentiles(scheduled - reads),
    stale: share(outcomes.stale, reads),
    cached: share(outcomes.cached, reads),
    shed: share(outcomes.shed, scheduled),
    staleAgeMaxMs: outcomes.stale === 0 ? null : phase.endMs - phase.startMs,
    upstreamCalls: outcomes.fresh + outcomes.timeout,
    upstreamPerRequest: scheduled === 0 ? null : (outcomes.fresh + outcomes.timeout) / scheduled,
    upstreamInFlightMax: 14,
    corrupt: 0,
    wrong: 0,
    duplicateWrites: 0,
    breakerOpens: 0,
    overhead: null,
  }
}

/** A share with its 95 % Wilson interval. */
function share(good: number, of: number): Proportion {
  if (of === 0) return { value: null, good, of, interval: null }
  const p = good / of
  const z = 1.96
  const middle = (p + (z * z) / (2 * of)) / (1 + (z * z) / of)
  const half = (z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))) / (1 + (z * z) / of)
  return { value: p, good, of, interval: [Math.max(0, middle - half), Math.min(1, middle + half)] }
}

function total<T>(list: T[], of: (entry: T) => number): number {
  return list.reduce((sum, entry) => sum + of(entry), 0)
}

/** Park and Miller's generator: small, seeded, good enough for noise. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
