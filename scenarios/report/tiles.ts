// The six figures that come first, each with its objective.
import { boundOf, hasBreaker, phaseOf, phasesInFocus, recoveryOf } from './facts.ts'
import type { ArmPhase, ArmReport, Finding, PhaseWindow, Report } from './report.ts'
import { count, measure, ms, NOT_MEASURED, percent } from './words.ts'

/** One figure of the six that come first, with what was asked of it. */
export interface Tile {
  label: string
  value: string
  objective: string
  /** The second arm's figure, or how many the first is of; may be empty. */
  detail: string
  verdict: Finding['verdict'] | null
}

type FigureOf = (arm: ArmReport, phase: ArmPhase | undefined) => string

/** Goodput, p95, recovery, stale, shed and opens of the arm under test, in the phase in focus. */
export function tiles(report: Report): Tile[] {
  const focus = phaseOfTiles(report)
  const [first, second] = report.arms
  const where = focus === undefined ? '' : ` in ${isTheOnlyFault(report) ? 'the fault' : focus.name}`
  const tile = (
    label: string,
    metric: Finding['hypothesis']['metric'],
    figure: FigureOf,
    detail: FigureOf,
  ): Tile => {
    const finding = findingOf(report, metric, focus?.name)
    const of = (arm: ArmReport, read: FigureOf) => read(arm, phaseOf(arm, focus?.name ?? ''))
    const own = first === undefined ? NOT_MEASURED : of(first, figure)
    const against = second === undefined ? '' : `${second.name}: ${of(second, figure)}`
    return {
      label,
      value: own,
      objective: finding === undefined ? 'no objective' : objectiveOf(finding, focus?.name),
      detail: [first === undefined ? '' : of(first, detail), against].filter(text => text !== '').join(' · '),
      verdict: finding?.verdict ?? null,
    }
  }
  const none: FigureOf = () => ''
  const opens: FigureOf = arm => (hasBreaker(arm) ? count(arm.breaker.opens) : 'no breaker')
  return [
    tile(`Reads good${where}`, 'goodput.read', (_, p) => percent(p?.goodput.read.value ?? null), none),
    tile(`p95 served${where}`, 'latency.served.p95', (_, p) => ms(p?.served.p95 ?? null), none),
    tile('Recovery time', 'recover', recoveryOf, none),
    tile(`Served stale${where}`, 'stale.share', (_, p) => percent(p?.stale.value ?? null), none),
    tile(`Shed${where}`, 'shed.share', (_, p) => percent(p?.shed.value ?? null), none),
    tile('Breaker opens', 'breaker.opens', opens, none),
  ]
}

// Of several phases in focus, one that failed is what the reader came for.
function phaseOfTiles(report: Report): PhaseWindow | undefined {
  const phases = phasesInFocus(report)
  const hasFailed = ({ name }: PhaseWindow) =>
    report.findings.some(({ hypothesis, verdict }) => verdict === 'fail' && hypothesis.phase === name)
  return phases.find(hasFailed) ?? phases[0]
}

function isTheOnlyFault(report: Report): boolean {
  const [focus, ...others] = phasesInFocus(report)
  return focus?.role === 'fault' && others.length === 0
}

// The breaker's tile counts the whole run, so an objective about another phase brings that phase's count along.
function objectiveOf(finding: Finding, focus: string | undefined): string {
  const { hypothesis, unit, measured } = finding
  const objective = `objective ${boundOf(finding)}`
  if (hypothesis.metric !== 'breaker.opens' || hypothesis.phase === focus) return objective
  return `${objective} in ${hypothesis.phase}: ${measure(measured, unit, hypothesis.metric)}`
}

function findingOf(report: Report, metric: string, phase: string | undefined): Finding | undefined {
  const arm = report.arms[0]?.name
  const about = report.findings.filter(
    ({ hypothesis }) => hypothesis.metric === metric && hypothesis.arm === arm,
  )
  const ofThisPhase = about.find(({ hypothesis }) => hypothesis.phase === phase)
  const isOfTheRun = metric === 'recover' || metric === 'breaker.opens'
  return ofThisPhase ?? (isOfTheRun ? about[0] : undefined)
}
