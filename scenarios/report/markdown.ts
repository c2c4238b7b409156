// The report as Markdown fit for $GITHUB_STEP_SUMMARY: headings from ###, tables, no HTML, no images, far under 1 MiB.
import {
  boundOf,
  cutShort,
  DIFFERENCE_NAMES,
  detectionOf,
  differenceOf,
  gatewayPeaks,
  guardsApart,
  marginOf,
  oddOutcomes,
  recoveryOf,
  shareOf,
  toxiproxyWords,
} from './facts.ts'
import { probeGroups } from './probe-groups.ts'
import { LAG_GATE_MS, type Report } from './report.ts'
import { LATENCY_SCALE, sparkline } from './sparkline.ts'
import {
  count,
  duration,
  exitCodeMeaning,
  interval,
  measure,
  moment,
  ms,
  percent,
  proportion,
  times,
  VERDICT_MARKS,
} from './words.ts'

const SPARKLINE_WIDTH = 60

/** `report.md`. */
export function markdown(report: Report): string {
  const sections = [
    head(report),
    findings(report),
    byPhase(report),
    timeline(report),
    guardsWorth(report),
    recovery(report),
    probes(report),
    quality(report),
    origin(report),
  ]
  return `${sections.filter(section => section !== '').join('\n\n')}\n`
}

/** Text that means only itself in Markdown, in a table's cell too. */
export function escapeMarkdown(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|#~&]/g, '\\$&')
}

function head(report: Report): string {
  const { verdict, scenario } = report
  const cuts = cutShort(report)
  const lines = [
    `### ${VERDICT_MARKS[verdict.word]} ${verdict.word.toUpperCase()} · ${escapeMarkdown(scenario.name)}`,
    escapeMarkdown(scenario.question),
    `**${escapeMarkdown(verdict.sentence)}**`,
    verdict.reasons.map(reason => `- ${escapeMarkdown(reason)}`).join('\n'),
    cuts.length === 0 ? '' : `**Cut short:** ${escapeMarkdown(cuts.join('; '))}.`,
  ]
  return lines.filter(line => line !== '').join('\n\n')
}

function findings(report: Report): string {
  const rows = report.findings.map(finding => {
    const { hypothesis, unit, measured, samples, verdict, note } = finding
    const range = interval(finding.interval)
    const value = measure(measured, unit, hypothesis.metric)
    return [
      `${VERDICT_MARKS[verdict]} ${verdict}`,
      hypothesis.claim,
      `${hypothesis.arm}, ${hypothesis.phase}`,
      range === '' ? value : `${value} (${range})`,
      boundOf(finding),
      marginOf(finding),
      count(samples),
      note,
    ]
  })
  return section(
    'Objectives',
    table(['Result', 'Claim', 'Arm, phase', 'Measured', 'Limit', 'Margin', 'n', 'Note'], rows, 'llllrrrl'),
  )
}

function byPhase(report: Report): string {
  const rows = report.phases.flatMap(({ name }) =>
    report.arms.flatMap(arm =>
      arm.phases
        .filter(({ phase }) => phase === name)
        .map(phase => [
          name,
          arm.name,
          count(phase.scheduled),
          proportion(phase.goodput.read),
          percent(phase.goodput.write.value),
          ms(phase.served.p50),
          ms(phase.served.p95),
          ms(phase.served.p99),
          ms(phase.all.p95),
          ...(['fresh', 'cached', 'stale', 'shed', 'error', 'timeout'] as const).map(outcome =>
            percent(shareOf(phase, outcome)),
          ),
          oddOutcomes(phase),
          times(phase.upstreamPerRequest),
        ]),
    ),
  )
  const latencies = ['p50 served', 'p95 served', 'p99 served', 'p95 all']
  const outcomes = ['Fresh', 'Cached', 'Stale', 'Shed', 'Error', 'Timeout', 'Other']
  const columns = ['Phase', 'Arm', 'Scheduled', 'Reads good', 'Writes good', ...latencies, ...outcomes]
  return section('By phase', table([...columns, 'Upstream calls a request'], rows, `ll${'r'.repeat(15)}`))
}

function timeline(report: Report): string {
  const rows = report.arms
    .filter(arm => arm.seconds.length > 0)
    .map(arm => {
      const bars = sparkline(
        arm.seconds.map(second => second.p95),
        LATENCY_SCALE,
        SPARKLINE_WIDTH,
      )
      return [arm.name, bars]
    })
  const phases = report.phases.map(
    ({ name, startMs, endMs }) => `${escapeMarkdown(name)} ${duration(startMs)} – ${duration(endMs)}`,
  )
  const scale = 'p95 of every request by second, log scale from 1 ms to 2 s'
  return section('Timeline', table(['Arm', scale], rows, 'll'), phases.join(' · '))
}

function guardsWorth(report: Report): string {
  const [first, second] = report.arms
  if (first === undefined || second === undefined || report.differences.length === 0) return ''
  const rows = report.differences.map(difference => [
    difference.phase,
    DIFFERENCE_NAMES[difference.metric],
    measure(difference.first, difference.unit, difference.metric),
    measure(difference.second, difference.unit, difference.metric),
    differenceOf(difference),
  ])
  const apart = `Between ${first.name} and ${second.name}: ${guardsApart(first, second)}. One run, so no interval.`
  return section(
    'What the guards bought',
    table(['Phase', 'Metric', first.name, second.name, 'Difference'], rows, 'llrrr'),
    escapeMarkdown(apart),
  )
}

function recovery(report: Report): string {
  const rows = report.arms.map(arm => [
    arm.name,
    detectionOf(report, arm),
    recoveryOf(arm),
    count(arm.breaker.opens),
    count(arm.exits),
  ])
  return section(
    'Recovery',
    table(['Arm', 'Time to detect', 'Time to recover', 'Breaker opens', 'Process exits'], rows, 'lrrrr'),
  )
}

function probes(report: Report): string {
  const rows = probeGroups(report).map(({ arm, phase, fault, probes, bites, isProven, sentence }) => [
    isProven ? '✓' : '✗',
    `${arm}, ${phase}`,
    fault,
    sentence,
    `${count(bites)} of ${count(probes.length)}`,
  ])
  return section(
    'Did the fault happen?',
    table(['', 'Arm, phase', 'Fault', 'Round the gateway', 'Bit'], rows, 'llllr'),
  )
}

function quality(report: Report): string {
  const { instrument, cleanUp } = report
  const { lagMs } = instrument
  const gate = `lag p50 ≤ ${LAG_GATE_MS.p50} ms, p99 ≤ ${LAG_GATE_MS.p99} ms, nothing dropped`
  const lag = `lag p50 ${ms(lagMs.p50)}, p99 ${ms(lagMs.p99)}, max ${ms(lagMs.max)}`
  const sent = `${count(instrument.sent)} of ${count(instrument.scheduled)} sent, ${count(instrument.dropped)} dropped`
  const peaks = report.arms.flatMap(arm => {
    const peak = gatewayPeaks(arm)
    if (peak === null) return []
    return [`- ${arm.name}: event-loop lag at most ${ms(peak.lagMs)}, memory at most ${count(peak.rssMb)} MB`]
  })
  const lines = [
    `- ${instrument.valid ? '✓ inside' : '✗ outside'} its gate (${gate}): ${lag}; ${sent}`,
    ...peaks,
    `- ${cleanUp.proven ? '✓ clean-up proven' : '✗ clean-up not proven'}: ${escapeMarkdown(cleanUp.detail)}`,
    ...report.caveats.map(caveat => `- caveat: ${escapeMarkdown(caveat.text)}`),
  ]
  return section('Measurement quality', lines.join('\n'))
}

function origin(report: Report): string {
  const { environment } = report
  const made = [
    `${moment(report.startedAt)}, seed ${report.seed}, Leeward ${environment.leeward}, Node ${environment.node},`,
    `${environment.platform}, ${environment.cores} cores, Toxiproxy ${toxiproxyWords(environment)}`,
  ].join(' ')
  const code = `Exit code ${report.verdict.exitCode}: ${exitCodeMeaning(report.verdict.exitCode)}.`
  return section('Run it again', `    ${report.command.replaceAll(/\s+/g, ' ')}`, escapeMarkdown(made), code)
}

function section(title: string, ...parts: string[]): string {
  const filled = parts.filter(part => part !== '')
  return filled.length === 0 ? '' : [`### ${title}`, ...filled].join('\n\n')
}

function table(columns: string[], rows: string[][], alignment: string): string {
  if (rows.length === 0) return ''
  const line = (cells: string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`
  const ruler = columns.map((_, index) => (alignment[index] === 'r' ? '--:' : ':--'))
  return [line(columns), `| ${ruler.join(' | ')} |`, ...rows.map(line)].join('\n')
}
