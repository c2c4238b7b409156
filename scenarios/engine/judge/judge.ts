// From measurements to a verdict. Pure: what it is given is all it knows.
import { describeFault } from '../../../chaos/fault.ts'
import { areProof } from '../../report/probe-groups.ts'
import type {
  ArmReport,
  Caveat,
  Finding,
  Instrument,
  PhaseWindow,
  Probe,
  Report,
  Verdict,
  VerdictWord,
} from '../../report/report.ts'
import { LAG_GATE_MS } from '../../report/report.ts'
import { type Hypothesis, METRICS, type Scenario } from '../scenario.ts'
import { type Measurement, measurementOf } from './measurement.ts'
import { formatMetric } from './words.ts'

/** How a run ended, apart from what it found. */
export type Ending =
  | { kind: 'whole' }
  | { kind: 'interrupted'; by: string }
  | { kind: 'aborted'; because: string }
  | { kind: 'error'; because: string }

export interface Judgement {
  findings: Finding[]
  verdict: Verdict
}

/** Everything that a verdict rests on. */
export interface Evidence {
  scenario: Scenario
  arms: ArmReport[]
  phases: PhaseWindow[]
  probes: Probe[]
  instrument: Instrument
  cleanUp: Report['cleanUp']
  caveats: Caveat[]
  /** Parts of the lab that ended by themselves. */
  losses: string[]
  ending: Ending
}

/** Judges every hypothesis, then the run; the first rule that applies gives the word and the exit code. */
export function judge(evidence: Evidence): Judgement {
  const findings = evidence.scenario.hypotheses.map(hypothesis => judgeHypothesis(hypothesis, evidence.arms))
  const { word, exitCode, reasons } = decide(evidence, findings)
  return {
    findings,
    verdict: { word, exitCode, reasons, sentence: sentenceOf(word, reasons, evidence, findings) },
  }
}

/** One hypothesis against what was measured; too little data, or an interval astride the bound, is inconclusive. */
export function judgeHypothesis(hypothesis: Hypothesis, arms: ArmReport[]): Finding {
  const measurement = measurementOf(hypothesis, arms)
  const { value, interval, samples } = measurement
  const unit = METRICS[hypothesis.metric].unit
  const finding = { hypothesis, unit, measured: value, interval, samples }
  if (measurement.isMissed) return { ...finding, verdict: 'fail', note: measurement.note }
  const doubt = doubtOf(hypothesis, measurement)
  if (value === null || doubt !== '') return { ...finding, verdict: 'inconclusive', note: doubt }
  return { ...finding, verdict: isWithin(value, hypothesis) ? 'pass' : 'fail', note: measurement.note }
}

/** Why a measurement cannot be judged; empty when it can. */
function doubtOf(hypothesis: Hypothesis, { value, interval, samples, least, note }: Measurement): string {
  const needed = Math.max(hypothesis.leastSamples, least)
  if (value === null) return note === '' ? 'not measured' : note
  if (samples < needed) return `${samples} samples, at least ${needed} needed`
  if (interval === null) return ''
  const [low, high] = interval
  if (isWithin(low, hypothesis) === isWithin(high, hypothesis)) return ''
  return 'the 95 % interval lies astride the bound: run longer'
}

function isWithin(value: number, { bound }: Hypothesis): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost
}

type Decision = Pick<Verdict, 'word' | 'exitCode' | 'reasons'>

function decide(evidence: Evidence, findings: Finding[]): Decision {
  const { cleanUp, ending } = evidence
  const decision = (word: VerdictWord, exitCode: number, reasons: string[]) => ({ word, exitCode, reasons })
  if (!cleanUp.proven) return decision('error', 5, [`clean-up not proven: ${cleanUp.detail}`])
  if (ending.kind === 'error') return decision('error', 4, [ending.because])
  if (ending.kind === 'interrupted') return decision('interrupted', 130, [`cut short by ${ending.by}`])
  if (ending.kind === 'aborted') return decision('aborted', 3, [ending.because])
  const missed = doubtsOfRun(evidence, findings)
  if (missed.length > 0) return decision('inconclusive', 2, missed)
  const failed = findings.filter(finding => finding.verdict === 'fail')
  if (failed.length > 0) return decision('fail', 1, failed.map(reasonOf))
  const open = findings.filter(finding => finding.verdict === 'inconclusive')
  if (open.length > 0) return decision('inconclusive', 2, open.map(reasonOf))
  return decision('pass', 0, [])
}

/** What makes a run worth nothing, whatever its figures: a late instrument, a sick baseline, a fault that did not bite. */
function doubtsOfRun(evidence: Evidence, findings: Finding[]): string[] {
  return [
    ...evidence.losses.map(what => `the lab lost its ${what} during the run`),
    ...instrumentDoubts(evidence.instrument),
    ...baselineDoubts(evidence, findings),
    ...faultDoubts(evidence),
  ]
}

/** Below this share of good reads before the fault, an arm is no comparison for anything. */
const LEAST_BASELINE = 0.95

/** Every arm has to be well before it is broken: a control that never worked would make any guard look splendid. */
function baselineDoubts({ phases, arms, probes }: Evidence, findings: Finding[]): string[] {
  const baselines = phases.filter(phase => phase.role === 'baseline').map(phase => phase.name)
  const judged = findings.filter(({ hypothesis }) => baselines.includes(hypothesis.phase))
  const sick = judged.filter(({ verdict }) => verdict === 'fail')
  const unsure = judged.filter(({ verdict }) => verdict === 'inconclusive')
  const ill = arms.filter(arm =>
    arm.phases.some(
      ({ phase, goodput }) =>
        baselines.includes(phase) && goodput.read.value !== null && goodput.read.value < LEAST_BASELINE,
    ),
  )
  const missed = probes.filter(({ fault, bit }) => fault === 'none' && !bit)
  return [
    ...sick.map(finding => `the baseline is not healthy, so the rest proves nothing: ${reasonOf(finding)}`),
    ...unsure.map(
      finding => `the baseline could not be judged, so the rest proves nothing: ${reasonOf(finding)}`,
    ),
    ...ill.map(
      ({ name }) =>
        `arm ${name} was not well before the fault: under ${LEAST_BASELINE * 100} % of its reads were good`,
    ),
    ...[...new Set(missed.map(({ arm }) => arm))].map(
      arm => `before the fault, a probe of arm ${arm} through the chaos proxy was not answered in time`,
    ),
  ]
}

function instrumentDoubts({ valid, dropped, lagMs, scheduled, sent }: Instrument): string[] {
  if (valid) return []
  const lag = `lag p50 ${lagMs.p50?.toFixed(1) ?? '?'} ms, p99 ${lagMs.p99?.toFixed(1) ?? '?'} ms`
  return [
    `the load generator was outside its gate (${lag}, ${dropped} dropped, ${sent} of ${scheduled} sent; ` +
      `at most ${LAG_GATE_MS.p50} ms, ${LAG_GATE_MS.p99} ms and none): close other programs, or lower --rate`,
  ]
}

/** Each fault of each arm needs probes that saw it. */
function faultDoubts({ scenario, arms, probes }: Evidence): string[] {
  return scenario.phases.flatMap(phase =>
    phase.faults.flatMap(fault =>
      arms.flatMap(({ name }) => {
        const label = describeFault(fault)
        const mine = probes.filter(
          probe => probe.arm === name && probe.phase === phase.name && probe.fault === label,
        )
        if (areProof(mine)) return []
        const saw = mine.find(({ bit }) => !bit)
        const detail =
          saw === undefined
            ? 'no probe ended inside the phase'
            : `expected ${saw.expected}, saw ${saw.observed}`
        return [`${label} in phase ${phase.name} is not proven for arm ${name}: ${detail}`]
      }),
    ),
  )
}

function reasonOf({ hypothesis, measured, note }: Finding): string {
  const { metric, bound, arm, phase, claim } = hypothesis
  const limit =
    'atLeast' in bound
      ? `at least ${formatMetric(metric, bound.atLeast)}`
      : `at most ${formatMetric(metric, bound.atMost)}`
  const value = measured === null ? 'not measured' : formatMetric(metric, measured)
  return `${claim}: ${metric} of ${arm} in ${phase} ${value}, ${limit} wanted${note === '' ? '' : ` (${note})`}`
}

/** One sentence for the top of the report; a failed run's names the failed objective first. */
function sentenceOf(
  word: VerdictWord,
  reasons: string[],
  { arms, phases }: Evidence,
  findings: Finding[],
): string {
  const held = findings.filter(finding => finding.verdict === 'pass').length
  const count = `${held} of ${findings.length} objectives met.`
  const [first = ''] = reasons
  if (word !== 'pass') return `${capital(first)}${first.endsWith('.') ? '' : '.'} ${count}`
  const fault = phases.find(phase => phase.faults.length > 0)
  const label = fault?.faults[0]?.label
  return label === undefined ? count : `${count} ${storyOf(label, fault!.name, arms)}`
}

function storyOf(label: string, phase: string, arms: ArmReport[]): string {
  const shares = arms.flatMap(arm => {
    const goodput = arm.phases.find(entry => entry.phase === phase)?.goodput
    if (goodput?.read.value == null) return []
    const reads = `${formatMetric('goodput.read', goodput.read.value)} of reads`
    const writes =
      goodput.write.value === null
        ? ''
        : ` and ${formatMetric('goodput.write', goodput.write.value)} of writes`
    return [`${reads}${writes} (${arm.name})`]
  })
  return `Under ${label}, users got ${shares.join(' against ')}${comebackOf(arms[0])}.`
}

function comebackOf(arm: ArmReport | undefined): string {
  if (arm?.recoverMs == null) return ''
  if (arm.recoverMs === 0) return '; back to normal as soon as it ended'
  return `; back to normal ${formatMetric('recover', arm.recoverMs)} after it ended`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
