// What a person sees while a run goes on. `liveLine` and `plainLine` are pure; `liveView` draws them.
import { createLogUpdate } from 'log-update'
import { LATENCY_SCALE, sparkline } from '../sparkline.ts'
import { count, duration, ms, percent } from '../words.ts'
import { clipped, type Paint, painter, wantsColour } from './layout.ts'

/** What the runner knows of a run that is still going on. */
export interface LiveState {
  scenario: string
  phase: string
  elapsedMs: number
  totalMs: number
  arms: LiveArm[]
}

export interface LiveArm {
  name: string
  /** Null for an arm without one. */
  breaker: 'closed' | 'open' | 'half-open' | null
  /** Whole seconds so far, oldest first. `stale` and `failed` are counts of that second; the others null without a sample. */
  seconds: { p95: number | null; goodputRead: number | null; stale: number; failed: number }[]
}

const REDRAW_MS = 250
const PLAIN_EVERY_MS = 5_000
/** What of an arm's line is not its sparkline. */
const FIGURES_WIDTH = 74
const BAR_WIDTH = 30

/** A breaker's state as a shape, told apart without colour: a closed contact lets through, an open one does not. */
const BREAKER_GLYPHS = { closed: '●─● closed', open: '●╱ ● open', 'half-open': '●┄● half-open' } as const
const BREAKER_STYLES = { closed: 'green', open: 'red', 'half-open': 'yellow' } as const

/** The block that is redrawn in place: a progress line, and a line for each arm, none wider than `columns`. */
export function liveLine(state: LiveState, paint: Paint, columns = 100): string {
  const share = state.totalMs === 0 ? 0 : Math.min(1, state.elapsedMs / state.totalMs)
  const full = Math.round(share * BAR_WIDTH)
  const bar = `${'━'.repeat(full)}${'╌'.repeat(BAR_WIDTH - full)}`
  const progress = `${bar} ${duration(wholeSeconds(state.elapsedMs))} of ${duration(state.totalMs)}`
  const head = clipped(`${state.phase.padEnd(9)} ${progress}  ${state.scenario}`, columns)
  return [paint('bold', head), ...state.arms.map(arm => armLine(arm, paint, columns))].join('\n')
}

/** One line that stands by itself, for logs. */
export function plainLine(state: LiveState): string {
  const arms = state.arms.map(arm => {
    const { goodput, p95, stale, failed } = figures(arm)
    const breaker = arm.breaker === null ? '' : `, breaker ${arm.breaker}`
    return `${arm.name}: reads good ${goodput}, p95 ${p95}, ${stale} stale, ${failed} failed${breaker}`
  })
  return [`${duration(wholeSeconds(state.elapsedMs))} ${state.phase}`, ...arms].join(' | ')
}

/** Whether to redraw in place: a terminal that can and that knows its size, and nobody who asked for lines. */
export function drawsInPlace(about: {
  stream: { isTTY?: boolean; columns?: number; rows?: number }
  plain: boolean
  env: Record<string, string | undefined>
}): boolean {
  const { stream, plain, env } = about
  const isCi = env.CI !== undefined && env.CI !== '' && env.CI !== 'false'
  const hasSize = (stream.columns ?? 0) > 0 && (stream.rows ?? 0) > 0
  return stream.isTTY === true && hasSize && !plain && env.TERM !== 'dumb' && !isCi
}

/** Where and how a view draws. `read` is asked for the newest state; null while there is none. */
export interface LiveViewOptions {
  stream: NodeJS.WriteStream
  inPlace: boolean
  read: () => LiveState | null
}

/**
 * Shows a run until `stop` is called: in place four times a second, or else a line at each phase's start and every 5 s.
 * It never keeps the process alive.
 */
export function liveView(options: LiveViewOptions): { stop: () => void } {
  const { draw, end } = options.inPlace ? drawer(options) : printer(options)
  draw()
  const timer = setInterval(draw, REDRAW_MS)
  timer.unref()
  return {
    stop() {
      clearInterval(timer)
      draw()
      end()
    },
  }
}

interface Pen {
  draw: () => void
  end: () => void
}

function drawer({ stream, read }: LiveViewOptions): Pen {
  const paint = painter(wantsColour(stream))
  const logUpdate = createLogUpdate(stream)
  return {
    draw() {
      const state = read()
      if (state !== null) logUpdate(liveLine(state, paint, Math.min(100, stream.columns)))
    },
    end: () => logUpdate.done(),
  }
}

function printer({ stream, read }: LiveViewOptions): Pen {
  let phase: string | null = null
  let printedAtMs = 0
  return {
    draw() {
      const state = read()
      if (state === null) return
      if (state.phase === phase && state.elapsedMs - printedAtMs < PLAIN_EVERY_MS) return
      phase = state.phase
      printedAtMs = state.elapsedMs
      stream.write(`${plainLine(state)}\n`)
    },
    end: () => {},
  }
}

function armLine(arm: LiveArm, paint: Paint, columns: number): string {
  const { goodput, p95, stale, failed } = figures(arm)
  const width = Math.max(8, columns - FIGURES_WIDTH)
  const bars = sparkline(
    arm.seconds.slice(-width).map(second => second.p95),
    LATENCY_SCALE,
  )
  const breaker = arm.breaker === null ? 'no breaker' : BREAKER_GLYPHS[arm.breaker]
  const figuresText = `p95 ${p95.padStart(8)} good ${goodput.padStart(8)} stale ${stale} failed ${failed}`
  const line = `${clipped(arm.name, 9).padEnd(9)} ${bars.padStart(width)} ${breaker.padEnd(13)} ${figuresText}`
  const clippedLine = clipped(line, columns)
  return arm.breaker === null
    ? clippedLine
    : clippedLine.replace(breaker, paint(BREAKER_STYLES[arm.breaker], breaker))
}

function figures(arm: LiveArm): { goodput: string; p95: string; stale: string; failed: string } {
  const last = arm.seconds.at(-1)
  const measured = (text: string, isThere: boolean) => (isThere ? text : '–')
  const sum = (of: (second: LiveArm['seconds'][number]) => number) =>
    count(arm.seconds.reduce((total, second) => total + of(second), 0))
  return {
    goodput: measured(percent(last?.goodputRead ?? null), typeof last?.goodputRead === 'number'),
    p95: measured(ms(last?.p95 ?? null), typeof last?.p95 === 'number'),
    stale: sum(second => second.stale),
    failed: sum(second => second.failed),
  }
}

// Progress counts whole seconds: tenths would only flicker.
function wholeSeconds(valueMs: number): number {
  return Math.floor(valueMs / 1_000) * 1_000
}
