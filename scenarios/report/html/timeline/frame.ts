// The timeline's one x axis, and where each panel stands on it.
import { type ScaleLinear, scaleLinear } from 'd3-scale'
import { hasBreaker, runMs } from '../../facts.ts'
import type { ArmReport, Report } from '../../report.ts'

/** The drawing's width; `left` and `right` bound the panels, and line labels stand to the right of them. */
export const SIZE = { width: 1060, left: 58, right: 908 } as const

/** A panel's upper and lower edge. */
export interface Panel {
  top: number
  bottom: number
}

export interface ArmPanels {
  arm: ArmReport
  breaker: Panel | null
  outcomes: Panel
}

/** Milliseconds of the run to x, and the panels from top to bottom. */
export interface Frame {
  x: ScaleLinear<number, number>
  endMs: number
  goodput: Panel
  latency: Panel
  arms: ArmPanels[]
  height: number
}

const PHASE_ROW = 20
const FAULT_ROW = 20
const TITLE_ROW = 26
const AXIS_ROW = 26

/** Places everything, from the phases' names on top to the axis below. */
export function frameOf(report: Report): Frame {
  const endMs = Math.max(
    runMs(report),
    1_000,
    ...report.arms.map(arm => (arm.seconds.at(-1)?.atMs ?? 0) + 1_000),
  )
  let y = PHASE_ROW + faultRows(report) * FAULT_ROW
  const panel = (height: number, gap = TITLE_ROW): Panel => {
    const top = y + gap
    y = top + height
    return { top, bottom: y }
  }
  const goodput = panel(72)
  const latency = panel(190)
  const arms = report.arms.map((arm, index) => ({
    arm,
    breaker: hasBreaker(arm) ? panel(20, TITLE_ROW + 10) : null,
    outcomes: panel(index === 0 ? 118 : 84, hasBreaker(arm) ? 8 : TITLE_ROW + 10),
  }))
  const x = scaleLinear([0, endMs], [SIZE.left, SIZE.right])
  return { x, endMs, goodput, latency, arms, height: y + AXIS_ROW }
}

/** Faults of one phase are named below one another. */
export function faultRows(report: Report): number {
  return Math.max(0, ...report.phases.map(phase => phase.faults.length))
}

/** Where the name of a phase's nth fault has its baseline. */
export function faultLabelY(row: number): number {
  return PHASE_ROW + row * FAULT_ROW + 14
}

/** A coordinate short enough for a file that is read by people too. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/** Text cut to about this many pixels, or nothing where not even a word would fit. */
export function fitted(text: string, roomPx: number): string {
  const letters = Math.floor(roomPx / 6.6)
  if (text.length <= letters) return text
  return letters < 6 ? '' : `${text.slice(0, letters - 1)}…`
}
