// What each arm did: its breaker's state as a band with words, and how its requests ended, stacked by second.
import { scaleLinear } from 'd3-scale'
import { area, curveStepAfter, type SeriesPoint, stack } from 'd3-shape'
import type { ArmReport, ArmSecond, BreakerTransition, Outcome, Report } from '../../report.ts'
import { count } from '../../words.ts'
import { type Markup, markup } from '../markup.ts'
import { type ArmPanels, type Frame, type Panel, px, SIZE } from './frame.ts'

/** From the ground up: what was good first. */
const STACKED: Outcome[] = [
  'cached',
  'stale',
  'fresh',
  'shed',
  'error',
  'timeout',
  'corrupt',
  'wrong',
  'unsent',
]

/** What each outcome is called in the legend. */
export const OUTCOME_NAMES: Record<Outcome, string> = {
  cached: 'from fresh cache',
  stale: 'from stale cache',
  fresh: 'from upstream',
  shed: 'shed by the gateway (429, 503)',
  error: 'error',
  timeout: 'timeout',
  corrupt: 'corrupt body',
  wrong: 'wrong answer',
  unsent: 'never sent',
}

/** The outcomes that happened at all, from the ground up. */
export function outcomesSeen(report: Report): Outcome[] {
  return STACKED.filter(outcome =>
    report.arms.some(arm => arm.seconds.some(second => second.outcomes[outcome] > 0)),
  )
}

/** One arm's panels, on a scale that all arms share. */
export function armPanels(
  panels: ArmPanels,
  frame: Frame,
  mostPerSecond: number,
  outcomes: Outcome[],
): Markup {
  const { arm, breaker } = panels
  return markup`${breaker === null ? null : breakerBand(arm, breaker, frame)}${stacked(arm, panels.outcomes, frame, mostPerSecond, outcomes)}`
}

/** One stretch of time in which a breaker did not change. */
export interface BreakerSpell {
  state: BreakerTransition['to']
  fromMs: number
  toMs: number
}

/** A breaker's states over the run, from its transitions. */
export function breakerSpells(transitions: BreakerTransition[], endMs: number): BreakerSpell[] {
  const initial = transitions[0]?.from ?? 'closed'
  const starts = [{ atMs: 0, to: initial }, ...transitions]
  return starts
    .map(({ atMs, to }, index) => ({ state: to, fromMs: atMs, toMs: starts[index + 1]?.atMs ?? endMs }))
    .filter(spell => spell.toMs > spell.fromMs && spell.fromMs < endMs)
}

function breakerBand(arm: ArmReport, { top, bottom }: Panel, frame: Frame): Markup {
  const spells = breakerSpells(arm.breaker.transitions, frame.endMs).map(({ state, fromMs, toMs }) => {
    const [from, to] = [frame.x(fromMs), frame.x(Math.min(toMs, frame.endMs))]
    // A trial lasts a blink: it stands taller than its neighbours, so that it is seen without its colour.
    const reach = state === 'half-open' ? 3 : 0
    const look = to - from < 8 ? `${state} thin` : state
    const word = to - from < state.length * 6.6 + 4 ? '' : state
    return markup`<rect class="breaker ${look}" x="${px(from)}" y="${px(top - reach)}" width="${px(Math.max(1.5, to - from))}" height="${px(bottom - top + 2 * reach)}"><title>breaker ${state}</title></rect><text class="word middle" x="${px((from + to) / 2)}" y="${px((top + bottom) / 2 + 4)}">${word}</text>`
  })
  return markup`<text class="axis end" x="${SIZE.left - 7}" y="${px((top + bottom) / 2 + 4)}">breaker</text>${spells}`
}

function stacked(
  arm: ArmReport,
  panel: Panel,
  frame: Frame,
  mostPerSecond: number,
  outcomes: Outcome[],
): Markup {
  const y = scaleLinear([0, mostPerSecond], [panel.bottom, panel.top])
  const grid = y
    .ticks(3)
    .map(
      tick =>
        markup`<path class="grid" d="M${SIZE.left} ${px(y(tick))}H${SIZE.right}"/><text class="axis end" x="${SIZE.left - 7}" y="${px(y(tick) + 3.5)}">${count(tick)}</text>`,
    )
  const last = arm.seconds.at(-1)
  if (last === undefined) {
    return markup`<text class="axis middle" x="${(SIZE.left + SIZE.right) / 2}" y="${px((panel.top + panel.bottom) / 2)}">not measured</text>`
  }
  // A step needs an end: the last second once more, one second later.
  const seconds = [...arm.seconds, { ...last, atMs: Math.min(last.atMs + 1_000, frame.endMs) }]
  const layers = stack<ArmSecond, Outcome>()
    .keys(outcomes)
    .value((second, outcome) => second.outcomes[outcome])(seconds)
  const shape = area<SeriesPoint<ArmSecond>>()
    .x(point => frame.x(point.data.atMs))
    .y0(point => y(point[0]))
    .y1(point => y(point[1]))
    .curve(curveStepAfter)
    .digits(1)
  const paths = layers.flatMap(layer => {
    const isSeen = arm.seconds.some(second => second.outcomes[layer.key] > 0)
    if (!isSeen) return []
    const d = shape(layer) ?? ''
    const pattern = patternOf(layer.key)
    const hatch = pattern === null ? null : markup`<path class="hatched" fill="url(#${pattern})" d="${d}"/>`
    return [markup`<path class="area ${layer.key}" d="${d}"/>${hatch}`]
  })
  return markup`${grid}${paths}<path class="base" d="M${SIZE.left} ${px(panel.bottom)}H${SIZE.right}"/>`
}

/** The pattern that tells an outcome without its colour, or null for a plain one. */
export function patternOf(outcome: Outcome): string | null {
  if (outcome === 'stale') return 'hatch-stale'
  if (outcome === 'timeout') return 'hatch-timeout'
  if (outcome === 'shed') return 'hatch-shed'
  return null
}

/** The patterns, defined once a page. */
export function patterns(): Markup {
  return markup`<defs><pattern id="hatch-stale" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch stale-line" d="M0 0V6"/></pattern><pattern id="hatch-timeout" width="6" height="6" patternUnits="userSpaceOnUse"><circle class="hatch-dot" cx="2" cy="2" r="1"/></pattern><pattern id="hatch-shed" width="5" height="5" patternUnits="userSpaceOnUse"><path class="hatch shed-line" d="M0 2.5H5"/></pattern></defs>`
}
