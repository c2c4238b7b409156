// Where the figure of each metric stands in the measured arms.
import type { ArmPhase, ArmReport, Percentiles, Proportion } from '../../report/report.ts'
import { leastSamplesFor } from '../measure/statistics.ts'
import type { Hypothesis, Metric } from '../scenario.ts'

/** One figure with what it rests on. */
export interface Measurement {
  /** Null: not measured. */
  value: number | null
  interval: [number, number] | null
  samples: number
  /** Fewer samples than this cannot carry this kind of figure. */
  least: number
  /** It was looked for and did not happen: a failure although there is no figure. */
  isMissed: boolean
  /** What a reader should know beside the figure; empty for nothing. */
  note: string
}

/** The figure a hypothesis is about. An arm or phase that the run did not reach is not measured. */
export function measurementOf(
  { metric, arm: name, phase: phaseName }: Hypothesis,
  arms: ArmReport[],
): Measurement {
  const arm = arms.find(entry => entry.name === name)
  const phase = arm?.phases.find(entry => entry.phase === phaseName)
  if (arm === undefined || phase === undefined) return plain(null, 0, 'the run did not get there')
  return FIGURES[metric](phase, arm, arms)
}

function plain(value: number | null, samples: number, note = ''): Measurement {
  return { value, interval: null, samples, least: 0, isMissed: false, note }
}

function ofProportion({ value, of, interval }: Proportion): Measurement {
  return { value, interval, samples: of, least: 0, isMissed: false, note: '' }
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 }

function ofPercentile(percentiles: Percentiles, which: 'p50' | 'p95' | 'p99'): Measurement {
  return { ...plain(percentiles[which], percentiles.samples), least: leastSamplesFor(QUANTILES[which]) }
}

/** From a phase of an arm, with all the arms at hand. */
type Figure = (phase: ArmPhase, arm: ArmReport, arms: ArmReport[]) => Measurement

const FIGURES: Record<Metric, Figure> = {
  'goodput.read': phase => ofProportion(phase.goodput.read),
  'goodput.write': phase => ofProportion(phase.goodput.write),
  'latency.served.p50': phase => ofPercentile(phase.served, 'p50'),
  'latency.served.p95': phase => ofPercentile(phase.served, 'p95'),
  'latency.served.p99': phase => ofPercentile(phase.served, 'p99'),
  'latency.all.p95': phase => ofPercentile(phase.all, 'p95'),
  'latency.write.p95': phase => ofPercentile(phase.write, 'p95'),
  'stale.share': phase => ofProportion(phase.stale),
  'cached.share': phase => ofProportion(phase.cached),
  'shed.share': phase => ofProportion(phase.shed),
  // Nobody served stale is an age of none, which no bound forbids.
  'stale.age.max': phase => plain(phase.staleAgeMaxMs ?? (phase.scheduled > 0 ? 0 : null), phase.scheduled),
  detect: detection,
  recover: recovery,
  'breaker.opens': phase => plain(phase.breakerOpens, phase.scheduled),
  amplification: phase => plain(phase.upstreamPerRequest, phase.scheduled),
  'upstream.in-flight.max': phase => plain(phase.upstreamInFlightMax, phase.scheduled),
  corrupt: phase => plain(phase.corrupt, phase.scheduled),
  wrong: phase => plain(phase.wrong, phase.scheduled),
  'duplicate.writes': phase => plain(phase.duplicateWrites, phase.goodput.write.of),
  'gateway.exits': (phase, arm) => plain(arm.exits, phase.scheduled),
  'cache.gain.p95': cacheGain,
  'overhead.p95': ({ overhead }) =>
    overhead === null
      ? plain(null, 0, 'there is no direct arm to compare with')
      : { ...plain(overhead.p95Ms, overhead.pairs), least: leastSamplesFor(0.95) },
}

/** Fewer calls than this in a phase, and a breaker with the usual settings has nothing to judge by. */
const CALLS_TO_OPEN = 20

function detection({ upstreamCalls }: ArmPhase, { detectMs }: ArmReport): Measurement {
  if (detectMs !== null) return plain(detectMs, 1)
  if ((upstreamCalls ?? 0) < CALLS_TO_OPEN) {
    return plain(null, 0, `the breaker did not open: it saw ${upstreamCalls ?? 'no'} calls`)
  }
  return { ...plain(null, 1, 'the breaker did not open'), isMissed: true }
}

function recovery(_: ArmPhase, { recoverMs, recoverWithinMs }: ArmReport): Measurement {
  if (recoverMs !== null) return plain(recoverMs, 1)
  if (recoverWithinMs === null) return plain(null, 0, 'no whole 2 s window after the fault')
  return { ...plain(null, 1, `not within ${Math.round(recoverWithinMs)} ms`), isMissed: true }
}

/** The first arm whose gateway runs without the cache is what this arm is compared with. */
function cacheGain(phase: ArmPhase, arm: ArmReport, arms: ArmReport[]): Measurement {
  const other = arms.find(entry => entry.through === 'gateway' && !entry.guards.includes('cache'))
  const without = other?.phases.find(entry => entry.phase === phase.phase)?.served
  if (without?.p95 == null || phase.served.p95 == null || other === arm) {
    return plain(null, 0, 'there is no arm without the cache to compare with')
  }
  const samples = Math.min(without.samples, phase.served.samples)
  return { ...plain(without.p95 / phase.served.p95, samples), least: leastSamplesFor(0.95) }
}
