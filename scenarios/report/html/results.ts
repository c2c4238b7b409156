// The middle of the page: each phase, each objective, recovery, and what the guards bought.
import {
  armInWords,
  boundOf,
  DIFFERENCE_NAMES,
  detectionOf,
  differenceOf,
  guardsApart,
  marginOf,
  oddOutcomes,
  phasesInFocus,
  recoveryOf,
  shareOf,
} from '../facts.ts'
import { type ArmPhase, type Difference, OUTCOMES, type Report } from '../report.ts'
import { count, duration, interval, isFactor, measure, ms, percent, times, VERDICT_MARKS } from '../words.ts'
import { type Markup, markup } from './markup.ts'
import { cell, columns, table } from './table.ts'

/** What clients saw in each phase, and how they were answered. */
export function byPhase(report: Report): Markup {
  const rows = (cells: (phase: ArmPhase) => (string | Markup)[]) =>
    report.phases.flatMap(({ name }) =>
      report.arms.flatMap((arm, index) =>
        arm.phases
          .filter(({ phase }) => phase === name)
          .map(phase => [index === 0 ? name : '', arm.name, ...cells(phase)]),
      ),
    )
  const seen = rows(phase => [
    count(phase.scheduled),
    cell(percent(phase.goodput.read.value), basis(phase.goodput.read)),
    cell(percent(phase.goodput.write.value), basis(phase.goodput.write)),
    ms(phase.served.p50),
    ms(phase.served.p95),
    ms(phase.served.p99),
    ms(phase.all.p95),
    ms(phase.write.p95),
  ])
  const answered = rows(phase => [
    shareBar(phase),
    ...(['fresh', 'cached', 'stale', 'shed', 'error', 'timeout'] as const).map(outcome =>
      percent(shareOf(phase, outcome)),
    ),
    oddOutcomes(phase) || 'none',
    phase.outcomes.stale === 0 ? 'none' : duration(phase.staleAgeMaxMs),
    times(phase.upstreamPerRequest),
  ])
  const latencies = ['p50 served#', 'p95 served#', 'p99 served#', 'p95 all#', 'p95 writes#']
  const seenColumns = columns('Phase', 'Arm', 'Scheduled#', 'Reads good#', 'Writes good#', ...latencies)
  const outcomes = ['Fresh#', 'Cached#', 'Stale#', 'Shed#', 'Error#', 'Timeout#', 'Other#']
  const answeredColumns = columns('Phase', 'Arm', 'Mix', ...outcomes, 'Oldest stale#', 'Upstream calls#')
  return markup`<section><h2>By phase</h2>
<p class="soft">Each request counts in the phase in which it was due. <em>Served</em> is reads answered acceptably; <em>all</em> is every request, failures with their full wait. Under a share stand its 95 % interval and what it is a share of.</p>
<h3>What clients saw</h3>${table('What clients saw, by phase', seenColumns, seen)}
<h3>How they were answered</h3>${table('How requests ended, by phase', answeredColumns, answered)}</section>`
}

function basis(share: ArmPhase['goodput']['read']): string {
  return share.of === 0 ? '' : `${interval(share.interval)} · n ${count(share.of)}`
}

function shareBar(phase: ArmPhase): Markup {
  let x = 0
  const order = ['cached', 'stale', 'fresh', ...OUTCOMES.slice(OUTCOMES.indexOf('shed'))] as const
  const bars = order.map(outcome => {
    const width = (shareOf(phase, outcome) ?? 0) * 150
    const from = x
    x += width
    const at = markup`x="${from.toFixed(1)}" width="${width.toFixed(1)}" height="14"`
    const hatch = outcome === 'stale' ? markup`<rect ${at} fill="url(#hatch-stale)"/>` : null
    return width === 0 ? null : markup`<rect class="area ${outcome}" ${at}/>${hatch}`
  })
  return markup`<svg class="share" viewBox="0 0 150 14" preserveAspectRatio="none" aria-hidden="true">${bars.filter(bar => bar !== null)}</svg>`
}

/** Each hypothesis with what was measured, its limit and its margin. */
export function objectives(report: Report): Markup {
  const rows = report.findings.map(finding => {
    const { hypothesis, unit, measured, verdict, note, samples } = finding
    const about = `${hypothesis.arm}, ${hypothesis.phase}, ${hypothesis.metric}`
    return [
      cell(hypothesis.claim, note === '' ? about : `${about}: ${note}`),
      cell(measure(measured, unit, hypothesis.metric), interval(finding.interval)),
      boundOf(finding),
      marginOf(finding),
      count(samples),
      markup`<span class="${verdict}">${VERDICT_MARKS[verdict]} ${verdict}</span>`,
    ]
  })
  const heads = columns('Objective', 'Observed#', 'Limit#', 'Margin#', 'n#', 'Result#').map(column =>
    column.title === 'Objective' ? { ...column, kind: 'claim' as const } : column,
  )
  return markup`<section><h2>Objectives</h2>${table('Objectives', heads, rows) ?? markup`<p class="soft">No objective was judged.</p>`}</section>`
}

/** How fast each arm noticed, and how fast its users were well again. */
export function recovery(report: Report): Markup {
  const rows = report.arms.map(arm => [
    cell(arm.name, armInWords(arm)),
    detectionOf(report, arm),
    recoveryOf(arm),
    count(arm.breaker.opens),
    count(arm.exits),
  ])
  const heads = columns('Arm', 'Time to detect#', 'Time to recover#', 'Breaker opens#', 'Process exits#').map(
    column => (column.title === 'Arm' ? { ...column, kind: 'claim' as const } : column),
  )
  return markup`<section><h2>Recovery</h2>
<p class="soft">Detected: from the first fault put in to the first opening of the breaker. Recovered: from the fault’s removal to the start of the first 2 s that meet the objectives throughout.</p>
${table('Recovery', heads, rows)}${transitions(report)}</section>`
}

function transitions(report: Report): Markup | null {
  const rows = report.arms.flatMap(arm =>
    arm.breaker.transitions.map(({ atMs, from, to, eventLoopLagMs }) => [
      arm.name,
      `${(atMs / 1_000).toFixed(2)} s`,
      `${from} → ${to}`,
      ms(eventLoopLagMs),
    ]),
  )
  if (rows.length === 0) return null
  return markup`<details><summary>Every move of the breaker (${rows.length})</summary>${table('Breaker transitions', columns('Arm', 'At#', 'Move', 'Event-loop lag then#'), rows)}</details>`
}

/** The first two arms side by side; null with one arm. */
export function guardsWorth(report: Report): Markup | null {
  const [first, second] = report.arms
  if (first === undefined || second === undefined || report.differences.length === 0) return null
  const focus = phasesInFocus(report).map(({ name }) => name)
  const heads = columns('Phase', 'Metric', first.name, second.name, 'Difference#')
  const rows = (list: Difference[]) => list.map(difference => rowOf(difference))
  const inFocus = report.differences.filter(({ phase }) => focus.includes(phase))
  const others = report.differences.filter(({ phase }) => !focus.includes(phase))
  const rest = table('What the guards bought in the other phases', heads, rows(others))
  return markup`<section><h2>What the guards bought</h2>
<p class="soft">${first.name} against ${second.name}: ${guardsApart(first, second)}. The same arrivals at the same time. One run, so no interval.</p>
${table('What the guards bought', heads, rows(inFocus))}${rest === null ? null : markup`<details><summary>The other phases</summary>${rest}</details>`}</section>`
}

function rowOf(difference: Difference): (string | Markup)[] {
  const { phase, metric, unit, first, second } = difference
  const isShare = unit === 'ratio' && !isFactor(metric)
  const most = isShare ? 1 : Math.max(first ?? 0, second ?? 0)
  const bar = (value: number | null, look: string) => {
    const width = value === null || most === 0 ? 0 : (value / most) * 100
    return markup`<div class="pair"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="ground" width="100" height="10" rx="1"/><rect class="${look}" width="${width.toFixed(1)}" height="10" rx="1"/></svg>${cellSpan(measure(value, unit, metric))}</div>`
  }
  return [
    phase,
    DIFFERENCE_NAMES[metric],
    bar(first, 'of-first'),
    bar(second, 'of-second'),
    differenceOf(difference),
  ]
}

function cellSpan(text: string): Markup {
  return markup`<span>${cell(text, '')}</span>`
}
