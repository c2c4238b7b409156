// The two line panels: goodput of every arm, and latency of the arm under test with the others' p95 beside it.
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale'
import { line } from 'd3-shape'
import { boundOf } from '../../facts.ts'
import type { ArmSecond, Finding, Report } from '../../report.ts'
import { ms, percent } from '../../words.ts'
import { type Markup, markup } from '../markup.ts'
import { type Frame, type Panel, px, SIZE } from './frame.ts'

type Scale = ScaleContinuousNumeric<number, number>

interface Series {
  /** What stands before the last value at the line's end. */
  name: string
  /** CSS class: colour, width and dashes. */
  look: string
  seconds: ArmSecond[]
  of: (second: ArmSecond) => number | null
}

/** Reads answered acceptably, by second, one line an arm. */
export function goodputPanel(report: Report, frame: Frame): Markup {
  const y = scaleLinear([0, 1], [frame.goodput.bottom, frame.goodput.top])
  const series = report.arms.map((arm, index) => ({
    name: arm.name,
    look: index === 0 ? 'goodput' : `other other-${index}`,
    seconds: arm.seconds,
    of: (second: ArmSecond) => second.goodputRead,
  }))
  const ticks = [0, 0.5, 1].map(value => gridLine(y(value), percent(value).replace('.0', '')))
  return markup`${ticks}${drawn(series, frame, frame.goodput, y, percent)}${objectives(report, frame, y, ['goodput.read'])}`
}

/** Latency of every request on a log axis with 1-2-5 ticks. */
export function latencyPanel(report: Report, frame: Frame): Markup {
  const [first, ...others] = report.arms
  const prefix = others.length === 0 ? '' : `${first?.name ?? ''} `
  const seconds = first?.seconds ?? []
  const series: Series[] = [
    ...others.map(({ name, seconds }, index) => ({
      name: `${name} p95`,
      look: `other other-${index + 1}`,
      seconds,
      of: (second: ArmSecond) => second.p95,
    })),
    { name: `${prefix}p99`, look: 'p99', seconds, of: second => second.p99 },
    { name: `${prefix}p50`, look: 'p50', seconds, of: second => second.p50 },
    { name: `${prefix}p95`, look: 'p95', seconds, of: second => second.p95 },
  ]
  const values = series.flatMap(({ seconds, of }) => seconds.map(of).filter(value => value !== null))
  if (values.length === 0) return emptyPanel(frame.latency)
  const metrics = ['latency.served.p95', 'latency.all.p95']
  const limits = judged(report, metrics).map(limitOf)
  const domain = roundDomain([...values, ...limits])
  const y = scaleLog(domain, [frame.latency.bottom, frame.latency.top])
  const ticks = ticksOf(domain).map(value =>
    gridLine(y(value), value < 1_000 ? `${value} ms` : `${value / 1_000} s`),
  )
  return markup`${ticks}${drawn(series, frame, frame.latency, y, ms)}${objectives(report, frame, y, metrics)}`
}

/** 1, 2, 5, 10, 20 … within the domain. */
export function ticksOf([low, high]: [number, number]): number[] {
  const ticks: number[] = []
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    for (const step of [1, 2, 5]) ticks.push(Number((power * step).toPrecision(1)))
  }
  return ticks.filter(tick => tick >= low && tick <= high)
}

/** The nearest 1-2-5 numbers round these values. */
export function roundDomain(values: number[]): [number, number] {
  const lowest = Math.max(
    0.1,
    values.reduce((least, value) => Math.min(least, value)),
  )
  const highest = Math.max(
    lowest,
    values.reduce((most, value) => Math.max(most, value)),
  )
  const ladder = ticksOf([0.1, 10_000_000])
  const low = ladder.findLast(step => step <= lowest) ?? 0.1
  const high = ladder.find(step => step >= highest && step > low) ?? highest
  return [low, high]
}

function gridLine(y: number, label: string): Markup {
  return markup`<path class="grid" d="M${SIZE.left} ${px(y)}H${SIZE.right}"/><text class="axis end" x="${SIZE.left - 7}" y="${px(y + 3.5)}">${label}</text>`
}

function emptyPanel({ top, bottom }: Panel): Markup {
  return markup`<text class="axis middle" x="${(SIZE.left + SIZE.right) / 2}" y="${px((top + bottom) / 2)}">not measured</text>`
}

function drawn(
  series: Series[],
  frame: Frame,
  panel: Panel,
  y: Scale,
  format: (value: number) => string,
): Markup {
  const path = (entry: Series) =>
    line<ArmSecond>(
      second => frame.x(second.atMs + 500),
      second => y(clamped(entry.of(second) ?? 0, y)),
    )
      .defined(second => entry.of(second) !== null)
      .digits(1)(entry.seconds) ?? ''
  const labels = series.flatMap(entry => {
    const last = entry.of(entry.seconds.at(-1) ?? ({} as ArmSecond))
    if (last === null || last === undefined) return []
    return [{ look: entry.look, text: `${entry.name} ${format(last)}`, y: y(clamped(last, y)) }]
  })
  return markup`${series.map(entry => markup`<path class="line ${entry.look}" d="${path(entry)}"/>`)}${spread(
    labels,
    panel,
  ).map(
    label =>
      markup`<text class="label ${label.look}" x="${SIZE.right + 6}" y="${px(label.y + 4)}">${label.text}</text>`,
  )}`
}

// A log scale has no zero.
function clamped(value: number, y: Scale): number {
  return Math.max(value, y.domain()[0] ?? value)
}

/** Labels pushed apart until none overlaps, inside the panel. */
function spread<T extends { y: number }>(labels: T[], { top, bottom }: Panel): T[] {
  const apartPx = 14
  const sorted = labels.toSorted((a, b) => a.y - b.y)
  let free = top
  for (const label of sorted) {
    label.y = Math.max(label.y, free)
    free = label.y + apartPx
  }
  let ceiling = Math.max(bottom, top + apartPx * (sorted.length - 1))
  for (const label of sorted.toReversed()) {
    label.y = Math.min(label.y, ceiling)
    ceiling = label.y - apartPx
  }
  return sorted
}

function judged(report: Report, metrics: string[]): Finding[] {
  const arm = report.arms[0]?.name
  return report.findings.filter(
    ({ hypothesis }) => hypothesis.arm === arm && metrics.includes(hypothesis.metric),
  )
}

function limitOf({ hypothesis: { bound } }: Finding): number {
  return 'atLeast' in bound ? bound.atLeast : bound.atMost
}

// Drawn only over the phase it is about: elsewhere nobody promised anything.
function objectives(report: Report, frame: Frame, y: Scale, metrics: string[]): Markup[] {
  return judged(report, metrics).flatMap(finding => {
    const phase = report.phases.find(({ name }) => name === finding.hypothesis.phase)
    if (phase === undefined) return []
    const at = y(limitOf(finding))
    const what = finding.hypothesis.metric === 'latency.served.p95' ? 'p95 served ' : ''
    const [from, to] = [frame.x(phase.startMs), frame.x(phase.endMs)]
    const text = `objective ${what}${boundOf(finding)}`
    const labelY = at + 13
    return [
      markup`<path class="objective" d="M${px(from)} ${px(at)}H${px(to)}"/><text class="objective-label end" x="${px(to - 5)}" y="${px(labelY)}">${text}</text>`,
    ]
  })
}
