// What a person reads in the terminal when a run has ended: verdict, phases, objectives, and whether to believe them.
import { belief, boundOf, cutShort, detectionOf, guardsApart, marginOf, recoveryOf } from './facts.ts'
import { probeGroups } from './probe-groups.ts'
import type { Finding, Report } from './report.ts'
import { indented, type Paint, painter, textTable, wrapped } from './terminal/layout.ts'
import { phaseTable } from './terminal/phase-table.ts'
import { count, exitCodeMeaning, measure, ms, percent, plural, VERDICT_MARKS } from './words.ts'

/** Colour or not, and where the page lies that tells more; `null` where none was written. */
export interface SummaryOptions {
  colour: boolean
  path: string | null
}

/** The whole summary, at most 100 columns wide; it ends with what the exit code means. */
export function summary(report: Report, { colour, path }: SummaryOptions): string {
  const paint = painter(colour)
  const blocks = [
    verdict(report, paint),
    phaseTable(report, paint),
    findings(report, paint),
    guardsWorth(report, paint),
    recovery(report, paint),
    probes(report, paint),
    instrument(report, paint),
    caveats(report, paint),
    ending(report, path, paint),
  ]
  return `${blocks
    .filter(block => block.length > 0)
    .map(block => block.join('\n'))
    .join('\n\n')}\n`
}

const VERDICT_STYLES = {
  pass: 'green',
  fail: 'red',
  inconclusive: 'yellow',
  aborted: 'yellow',
  interrupted: 'yellow',
  error: 'red',
} as const

function verdict(report: Report, paint: Paint): string[] {
  const { word, sentence, reasons } = report.verdict
  const cuts = cutShort(report)
  const title = paint(['bold', VERDICT_STYLES[word]], `${VERDICT_MARKS[word]} ${word.toUpperCase()}`)
  return [
    ...wrapped(`${report.scenario.name}, seed ${report.seed}`).map(line => paint('dim', line)),
    title,
    ...wrapped(sentence),
    ...reasons.flatMap(reason => indented(reason, '- ')),
    ...(cuts.length === 0
      ? []
      : wrapped(`Cut short: ${cuts.join('; ')}.`).map(line => paint('yellow', line))),
  ]
}

function mark(verdictOf: Finding['verdict'], paint: Paint): string {
  return paint(VERDICT_STYLES[verdictOf], VERDICT_MARKS[verdictOf])
}

function findings(report: Report, paint: Paint): string[] {
  return section(
    'Objectives',
    report.findings.flatMap(finding => {
      const { hypothesis, unit, measured, samples, verdict: word, note } = finding
      const where = `${hypothesis.arm}, ${hypothesis.phase}`
      const value = `${hypothesis.metric} ${measure(measured, unit, hypothesis.metric)}`
      const margin = measured === null ? '' : `, ${marginOf(finding)}`
      const details = `${where}: ${value}, limit ${boundOf(finding)}${margin}, n ${count(samples)}`
      return [
        ...indented(hypothesis.claim, `${VERDICT_MARKS[word]} `).map((line, index) =>
          index === 0 ? line.replace(VERDICT_MARKS[word], mark(word, paint)) : line,
        ),
        ...indented(note === '' ? details : `${details} (${note})`, '  ').map(line => paint('dim', line)),
      ]
    }),
    paint,
  )
}

function guardsWorth(report: Report, paint: Paint): string[] {
  const [first, second] = report.arms
  if (first === undefined || second === undefined || report.differences.length === 0) return []
  const metrics = [...new Set(report.differences.map(({ metric }) => metric))]
  const rows = report.phases.map(({ name }) => [
    name,
    ...metrics.map(metric => {
      const found = report.differences.find(entry => entry.phase === name && entry.metric === metric)
      const value = (side: number | null) =>
        found === undefined || side === null ? '–' : measure(side, found.unit, metric)
      return `${value(found?.first ?? null)} : ${value(found?.second ?? null)}`
    }),
  ])
  const title = `What the guards bought, ${first.name} : ${second.name} (${guardsApart(first, second)}; one run, so no interval)`
  return section(
    title,
    textTable([['', ...metrics], ...rows], `l${'r'.repeat(metrics.length)}`, paint),
    paint,
  )
}

function recovery(report: Report, paint: Paint): string[] {
  const rows = report.arms.map(arm => [
    arm.name,
    detectionOf(report, arm),
    recoveryOf(arm),
    count(arm.breaker.opens),
    count(arm.exits),
  ])
  const columns = ['', 'time to detect', 'time to recover', 'breaker opens', 'process exits']
  return section('Recovery', textTable([columns, ...rows], 'lrrrr', paint), paint)
}

function probes(report: Report, paint: Paint): string[] {
  return section(
    'Did the fault happen?',
    probeGroups(report).flatMap(({ arm, fault, probes: all, bites, sentence }) => {
      const didBite = bites === all.length ? 'pass' : 'fail'
      const text = `${arm}, ${fault}: ${sentence} (${count(bites)} of ${count(all.length)} bit)`
      return indented(text, `${VERDICT_MARKS[didBite]} `)
    }),
    paint,
  )
}

function instrument(report: Report, paint: Paint): string[] {
  const { valid, lagMs, sent, dropped, cpuShare } = report.instrument
  const bullet = `${VERDICT_MARKS[valid ? 'pass' : 'fail']} `
  const lag = `Lag p50 ${ms(lagMs.p50)}, p99 ${ms(lagMs.p99)}`
  const rest = `${plural(sent, 'request')} sent, ${count(dropped)} dropped, ${percent(cpuShare)} of a core`
  const text = `${belief(report.instrument)} ${lag}; ${rest}`
  return section('Can it be believed?', indented(text, bullet), paint)
}

function caveats(report: Report, paint: Paint): string[] {
  return section(
    'Caveats',
    report.caveats.flatMap(caveat => indented(caveat.text, '- ')),
    paint,
  )
}

function ending(report: Report, path: string | null, paint: Paint): string[] {
  const { exitCode } = report.verdict
  const undone = report.cleanUp.proven ? [] : indented(`Clean-up not proven: ${report.cleanUp.detail}`, '✗ ')
  return [
    ...undone.map(line => paint('red', line)),
    ...(path === null ? [] : [`Report: ${path}`]),
    ...wrapped(`Exit code ${exitCode}: ${exitCodeMeaning(exitCode)}.`),
  ]
}

function section(title: string, lines: string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [...wrapped(title).map(line => paint('bold', line)), ...lines]
}
