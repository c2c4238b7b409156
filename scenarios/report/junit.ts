// The report as JUnit XML: a suite per scenario, a case per hypothesis, for whoever already reads test results.
import { boundOf, marginOf, runMs, toxiproxyWords } from './facts.ts'
import { probeGroups } from './probe-groups.ts'
import type { Finding, Report } from './report.ts'
import { measure, plural } from './words.ts'

type Hypothesis = Finding['hypothesis']

/** What a case ends in: nothing inside it for a pass. */
interface Ending {
  kind: 'pass' | 'failure' | 'error' | 'skipped'
  message: string
}

/** `junit.xml`, well-formed whatever the report's texts hold. */
export function junit(report: Report): string {
  const cases = report.scenario.hypotheses.map(hypothesis => {
    const finding = report.findings.find(({ hypothesis: judged }) => isSame(judged, hypothesis))
    return { hypothesis, ending: endingOf(report, finding) }
  })
  const number = (kind: Ending['kind']) => cases.filter(({ ending }) => ending.kind === kind).length
  const totals =
    `tests="${cases.length}" failures="${number('failure')}" errors="${number('error')}" ` +
    `skipped="${number('skipped')}" time="${seconds(runMs(report))}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="leeward" ${totals}>`,
    `  <testsuite name="${escapeXml(report.scenario.name)}" ${totals} timestamp="${escapeXml(report.startedAt)}">`,
    '    <properties>',
    ...properties(report),
    '    </properties>',
    ...cases.flatMap(({ hypothesis, ending }) => testcase(report, hypothesis, ending)),
    `    <system-out>${escapeXml(report.verdict.sentence)}</system-out>`,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

/** Text that may stand in XML: escaped, and without the control characters that no XML may hold. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

function properties(report: Report): string[] {
  const { environment } = report
  const values: Record<string, string> = {
    seed: String(report.seed),
    verdict: report.verdict.word,
    exitCode: String(report.verdict.exitCode),
    command: report.command,
    leeward: environment.leeward,
    node: environment.node,
    platform: environment.platform,
    toxiproxy: toxiproxyWords(environment),
  }
  return Object.entries(values).map(
    ([name, value]) => `      <property name="${name}" value="${escapeXml(value)}"/>`,
  )
}

function testcase(report: Report, hypothesis: Hypothesis, { kind, message }: Ending): string[] {
  const phase = report.phases.find(({ name }) => name === hypothesis.phase)
  const tookMs = phase === undefined ? 0 : phase.endMs - phase.startMs
  const className = escapeXml(`${report.scenario.name}.${hypothesis.phase}`)
  const name = escapeXml(`${hypothesis.arm}: ${hypothesis.claim} (${hypothesis.metric})`)
  const head = `    <testcase classname="${className}" name="${name}" time="${seconds(tookMs)}"`
  if (kind === 'pass') return [`${head}/>`]
  return [`${head}>`, `      <${kind} message="${escapeXml(message)}"/>`, '    </testcase>']
}

function endingOf(report: Report, finding: Finding | undefined): Ending {
  if (isInvalid(report)) {
    return { kind: 'error', message: [report.verdict.sentence, ...report.verdict.reasons].join('; ') }
  }
  if (finding === undefined) return { kind: 'skipped', message: 'not judged: the run did not get that far' }
  const { hypothesis, unit, measured, samples, note } = finding
  if (finding.verdict === 'inconclusive') return { kind: 'skipped', message: `not judged: ${note}` }
  if (finding.verdict === 'pass') return { kind: 'pass', message: '' }
  const found = `${hypothesis.metric} ${measure(measured, unit, hypothesis.metric)}`
  const message = `${found}, limit ${boundOf(finding)}, ${marginOf(finding)}, n = ${plural(samples, 'sample')}`
  return { kind: 'failure', message: note === '' ? message : `${message}; ${note}` }
}

// A finding stands by itself in an inconclusive run only if nothing but another finding's lack of data made it so.
function isInvalid(report: Report): boolean {
  const { verdict, instrument, findings } = report
  if (verdict.word === 'error' || verdict.word === 'aborted' || !instrument.valid) return true
  if (verdict.word !== 'inconclusive') return false
  const isUnproven = probeGroups(report).some(({ isProven }) => !isProven)
  return isUnproven || findings.every(finding => finding.verdict !== 'inconclusive')
}

function isSame(one: Hypothesis, other: Hypothesis): boolean {
  return (
    one.claim === other.claim &&
    one.arm === other.arm &&
    one.phase === other.phase &&
    one.metric === other.metric
  )
}

function seconds(valueMs: number): string {
  return (valueMs / 1_000).toFixed(3)
}
