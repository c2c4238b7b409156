// What a person reads in the terminal when a run has ended: verdict, phases, objectives, and whether to believe them.
import { belief, boundOf, cutShort, detectionOf, guardsApart, marginOf, recoveryOf } from './facts.ts'
import { probeGroups } from './probe-groups.ts'
import type { Finding, Report } from './report.ts'
import { COLUMNS, indented, type Page, type Paint, painter, textTable, wrapped } from './terminal/layout.ts'
import { phaseTable } from './terminal/phase-table.ts'
import { count, exitCodeMeaning, measure, ms, percent, plural, VERDICT_MARKS } from './words.ts'

/** Colour or not, where the page lies that tells more (`null` where none was written), and how wide the terminal is. */
export interface SummaryOptions {
  colour: boolean
  path: string | null
  columns?: number
}

/** Under this, words would be cut rather than wrapped. */
const NARROWEST = 40

/** The whole summary, at most 100 columns wide; it ends with what the exit code means. */
export function summary(report: Report, { colour, path, columns = COLUMNS }: SummaryOptions): string {
  const page = { paint: painter(colour), columns: Math.max(NARROWEST, Math.min(columns, COLUMNS)) }
  const blocks = [
    verdict(report, page),
    phaseTable(report, page),
    findings(report, page),
    guardsWorth(report, page),
    recovery(report, page),
    probes(report, page),
    instrument(report, page),
    caveats(report, page),
    ending(report, path, page),
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

function verdict(report: Report, page: Page): string[] {
  const { word, sentence, reasons } = report.verdict
  const cuts = cutShort(report)
  const title = page.paint(['bold', VERDICT_STYLES[word]], `${VERDICT_MARKS[word]} ${word.toUpperCase()}`)
  return [
    ...wrapped(`${report.scenario.name}, seed ${report.seed}`, page.columns).map(line =>
      page.paint('dim', line),
    ),
    title,
    ...wrapped(sentence, page.columns),
    // A single reason is what the sentence says already.
    ...(reasons.length > 1 ? reasons : []).flatMap(reason => indented(reason, '- ', page.columns)),
    ...(cuts.length === 0
      ? []
      : wrapped(`Cut short: ${cuts.join('; ')}.`, page.columns).map(line => page.paint('yellow', line))),
  ]
}

function mark(verdictOf: Finding['verdict'], paint: Paint): string {
  return paint(VERDICT_STYLES[verdictOf], VERDICT_MARKS[verdictOf])
}

function findings(report: Report, page: Page): string[] {
  return section(
    'Objectives',
    report.findings.flatMap(finding => {
      const { hypothesis, unit, measured, samples, verdict: word, note } = finding
      const where = `${hypothesis.arm}, ${hypothesis.phase}`
      const value = `${hypothesis.metric} ${measure(measured, unit, hypothesis.metric)}`
      const margin = measured === null ? '' : `, ${marginOf(finding)}`
      const details = `${where}: ${value}, limit ${boundOf(finding)}${margin}, n ${count(samples)}`
      return [
        ...indented(hypothesis.claim, `${VERDICT_MARKS[word]} `, page.columns).map((line, index) =>
          index === 0 ? line.replace(VERDICT_MARKS[word], mark(word, page.paint)) : line,
        ),
        ...indented(note === '' ? details : `${details} (${note})`, '  ', page.columns).map(line =>
          page.paint('dim', line),
        ),
      ]
    }),
    page,
  )
}

function guardsWorth(report: Report, page: Page): string[] {
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
    textTable([['', ...metrics], ...rows], `l${'r'.repeat(metrics.length)}`, page.paint),
    page,
  )
}

function recovery(report: Report, page: Page): string[] {
  const rows = report.arms.map(arm => [
    arm.name,
    detectionOf(report, arm),
    recoveryOf(arm),
    count(arm.breaker.opens),
    count(arm.exits),
  ])
  const headings = ['', 'time to detect', 'time to recover', 'breaker opens', 'process exits']
  return section('Recovery', textTable([headings, ...rows], 'lrrrr', page.paint), page)
}

function probes(report: Report, page: Page): string[] {
  return section(
    'Did the fault happen?',
    probeGroups(report).flatMap(({ arm, fault, probes: all, bites, isProven, sentence }) => {
      const didBite = isProven ? 'pass' : 'fail'
      const text = `${arm}, ${fault}: ${sentence} (${count(bites)} of ${count(all.length)} as expected)`
      return indented(text, `${VERDICT_MARKS[didBite]} `, page.columns)
    }),
    page,
  )
}

function instrument(report: Report, page: Page): string[] {
  const { valid, lagMs, sent, dropped, cpuShare } = report.instrument
  const bullet = `${VERDICT_MARKS[valid ? 'pass' : 'fail']} `
  const lag = `Lag p50 ${ms(lagMs.p50)}, p99 ${ms(lagMs.p99)}`
  const rest = `${plural(sent, 'request')} sent, ${count(dropped)} dropped, ${percent(cpuShare)} of a core`
  const text = `${belief(report.instrument)} ${lag}; ${rest}`
  return section('Can it be believed?', indented(text, bullet, page.columns), page)
}

function caveats(report: Report, page: Page): string[] {
  return section(
    'Caveats',
    report.caveats.flatMap(caveat => indented(caveat.text, '- ', page.columns)),
    page,
  )
}

function ending(report: Report, path: string | null, page: Page): string[] {
  const { exitCode } = report.verdict
  const undone = report.cleanUp.proven
    ? []
    : indented(`Clean-up not proven: ${report.cleanUp.detail}`, '✗ ', page.columns)
  return [
    ...undone.map(line => page.paint('red', line)),
    ...(path === null ? [] : [`Report: ${path}`]),
    ...wrapped(`Exit code ${exitCode}: ${exitCodeMeaning(exitCode)}.`, page.columns),
  ]
}

function section(title: string, lines: string[], { paint, columns }: Page): string[] {
  return lines.length === 0 ? [] : [...wrapped(title, columns).map(line => paint('bold', line)), ...lines]
}
