// What lies behind the panels and above them: phases, faults, and the axis of time.
import { armInWords } from '../../facts.ts'
import type { PhaseWindow, Report } from '../../report.ts'
import { duration } from '../../words.ts'
import { type Markup, markup } from '../markup.ts'
import { type Frame, faultLabelY, fitted, type Panel, px, SIZE } from './frame.ts'

/** The tint of each fault, behind whatever the panels draw. */
export function tints(report: Report, frame: Frame): Markup[] {
  return report.phases.flatMap(phase =>
    phase.faults.flatMap(({ injectedAtMs, removedAtMs }) =>
      panelsOf(frame).map(({ top, bottom }) => {
        const [from, to] = [frame.x(injectedAtMs), frame.x(Math.min(removedAtMs, frame.endMs))]
        return markup`<rect class="tint" x="${px(from)}" y="${px(top)}" width="${px(Math.max(1, to - from))}" height="${px(bottom - top)}"/>`
      }),
    ),
  )
}

/** Names of phases and faults on top, and the dashed edges that stand in front of the panels. */
export function names(report: Report, frame: Frame): Markup[] {
  return [
    ...report.phases.map(phase => phaseName(phase, frame)),
    ...report.phases.map(phase => faultNames(phase, report, frame)),
  ]
}

function phaseName({ name, startMs, endMs }: PhaseWindow, frame: Frame): Markup {
  const from = frame.x(startMs)
  const edge = startMs === 0 ? null : markup`<path class="edge" d="M${px(from)} 4V${px(lowest(frame))}"/>`
  const text = fitted(name, frame.x(endMs) - from - 8)
  return markup`${edge}<text class="phase" x="${px(from + 5)}" y="14">${text}</text>`
}

function faultNames({ faults, endMs }: PhaseWindow, report: Report, frame: Frame): Markup {
  return markup`${faults.map(({ label, injectedAtMs, removedAtMs }, row) => {
    const [from, to] = [frame.x(injectedAtMs), frame.x(Math.min(removedAtMs, frame.endMs))]
    // A name may run on past its bar, as far as the next name in its row.
    const next = report.phases.find(phase => phase.startMs >= endMs && phase.faults[row] !== undefined)
    const roomTo = frame.x(next?.faults[row]?.injectedAtMs ?? frame.endMs)
    const y = faultLabelY(row)
    const bolt = `M${px(from + 11)} ${px(y - 10)}l-5 6.5h4l-2 5 6.5-7.5h-4l2-4z`
    return markup`<rect class="fault-bar" x="${px(from)}" y="${px(y - 13)}" width="${px(Math.max(1, to - from))}" height="17" rx="3"/><path class="bolt" d="${bolt}"/><text class="fault" x="${px(from + 20)}" y="${px(y)}">${fitted(label, roomTo - from - 28)}<title>${label}</title></text><path class="fault-edge" d="M${px(from)} ${px(y + 4)}V${px(lowest(frame))}M${px(to)} ${px(y + 4)}V${px(lowest(frame))}"/>`
  })}`
}

const HOUR_MS = 3_600_000
const TICK_STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800].map(seconds => seconds * 1_000)

/** Time below the last panel, in steps that a clock would take. */
export function timeAxis(frame: Frame): Markup[] {
  const y = lowest(frame)
  const stepMs = TICK_STEPS_MS.find(step => frame.endMs / step <= 10) ?? HOUR_MS
  const ticks = Array.from({ length: Math.floor(frame.endMs / stepMs) + 1 }, (_, index) => index * stepMs)
  return ticks.map(tick => {
    const x = frame.x(tick)
    return markup`<path class="tick" d="M${px(x)} ${px(y)}v5"/><text class="axis middle" x="${px(x)}" y="${px(y + 18)}">${clock(tick)}</text>`
  })
}

function clock(atMs: number): string {
  if (atMs < 60_000) return `${atMs / 1_000} s`
  if (atMs % 60_000 === 0) return `${atMs / 60_000} min`
  return duration(atMs)
}

function lowest(frame: Frame): number {
  return frame.arms.at(-1)?.outcomes.bottom ?? frame.latency.bottom
}

function panelsOf({ goodput, latency, arms }: Frame): Panel[] {
  return [
    goodput,
    latency,
    ...arms.flatMap(({ breaker, outcomes }) => (breaker === null ? [outcomes] : [breaker, outcomes])),
  ]
}

/** What each panel shows, above its left edge; drawn last, so that no edge crosses a word. */
export function titles(frame: Frame): Markup[] {
  return [
    panelTitle(
      frame.goodput,
      'Reads good',
      'answered acceptably within the client’s deadline, of those scheduled',
    ),
    panelTitle(
      frame.latency,
      'Latency',
      'of every request due in that second, failures with their full wait; log scale',
    ),
    ...frame.arms.map(({ arm, breaker, outcomes }) =>
      panelTitle(
        breaker ?? outcomes,
        arm.name,
        `${fitted(armInWords(arm), 560)}; requests a second, by how they ended`,
      ),
    ),
  ]
}

function panelTitle(panel: Panel, title: string, meaning: string): Markup {
  return markup`<text class="panel-title" x="${SIZE.left}" y="${px(panel.top - 8)}">${title}<tspan class="meaning" dx="8">${meaning}</tspan></text>`
}
