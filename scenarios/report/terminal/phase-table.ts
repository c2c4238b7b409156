// The summary's table by phase: for each arm what was asked, what was good, how fast, and how it was answered.
import { oddOutcomes, shareOf } from '../facts.ts'
import type { ArmPhase, ArmReport, Outcome, Report } from '../report.ts'
import { bareMs, count, percent, proportion } from '../words.ts'
import { indented, type Page, textTable } from './layout.ts'

const SHOWN = ['fresh', 'cached', 'stale', 'shed', 'error', 'timeout'] as const satisfies Outcome[]
/** A column is too narrow for "not measured"; the line under the table says what a dash means. */
const DASH = '–'
const LEGEND = 'p50 p95 p99: ms, of reads answered acceptably; fresh to timeout: % of scheduled'

/** The table, and under it what has no column. */
export function phaseTable(report: Report, { paint, columns }: Page): string[] {
  const headings = ['', 'scheduled', 'reads good', 'writes', 'p50', 'p95', 'p99', ...SHOWN]
  const rows = report.arms.flatMap(arm => [[arm.name], ...arm.phases.map(cellsOf)])
  if (rows.length === 0) return []
  const table = textTable([headings, ...rows], `l${'r'.repeat(headings.length - 1)}`, paint, 1)
  const hasDash = rows.flat().includes(DASH)
  return [
    paint('bold', 'By phase'),
    ...table,
    ...indented(hasDash ? `${DASH}: not measured; ${LEGEND}` : LEGEND, '', columns).map(line =>
      paint('dim', line),
    ),
    ...report.arms.flatMap(arm => oddities(arm, columns)),
  ]
}

function cellsOf(phase: ArmPhase): string[] {
  const { served, goodput } = phase
  const latency = (value: number | null) => (value === null ? DASH : bareMs(value))
  return [
    `  ${phase.phase}`,
    count(phase.scheduled),
    goodput.read.value === null ? DASH : proportion(goodput.read),
    goodput.write.value === null ? DASH : percent(goodput.write.value),
    latency(served.p50),
    latency(served.p95),
    latency(served.p99),
    ...SHOWN.map(outcome => {
      const share = shareOf(phase, outcome)
      return share === null ? DASH : percent(share).replace(' %', '')
    }),
  ]
}

function oddities(arm: ArmReport, columns: number): string[] {
  return arm.phases.flatMap(phase => {
    const odd = oddOutcomes(phase)
    return odd === '' ? [] : indented(`${arm.name}, ${phase.phase}: ${odd}`, '! ', columns)
  })
}
