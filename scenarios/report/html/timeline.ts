// The timeline: goodput, latency, breakers and outcomes of every arm over one axis of time, faults shaded.
import { hasBreaker } from '../facts.ts'
import type { Outcome, Report } from '../report.ts'
import { duration } from '../words.ts'
import { embeddedJson, type Markup, markup } from './markup.ts'
import { armPanels, OUTCOME_NAMES, outcomesSeen, patternOf, patterns } from './timeline/arms.ts'
import { names, timeAxis, tints, titles } from './timeline/backdrop.ts'
import { type Frame, frameOf, SIZE } from './timeline/frame.ts'
import { goodputPanel, latencyPanel } from './timeline/lines.ts'
import { readings } from './timeline/readings.ts'

/** The figure with its legend, and the texts of its tooltip. */
export function timeline(report: Report): Markup {
  const frame = frameOf(report)
  const outcomes = outcomesSeen(report)
  const data = {
    left: SIZE.left,
    right: SIZE.left + ((SIZE.right - SIZE.left) * (Math.ceil(frame.endMs / 1_000) * 1_000)) / frame.endMs,
    width: SIZE.width,
    readings: readings(report, frame.endMs),
  }
  return markup`<figure>
<div class="scroll"><div class="plot" id="plot" tabindex="0" role="group" aria-label="Timeline. The left and right arrow keys read it second by second.">
${drawing(report, frame, outcomes)}
<div class="tip" id="tip" role="status" hidden></div>
</div></div>
<figcaption>${outcomes.map(legendEntry)}${report.arms.some(hasBreaker) ? breakerLegend() : null}<span class="hint" id="hint" hidden>Point at the timeline, or focus it and use the arrow keys, to read a second.</span></figcaption>
</figure>
<script type="application/json" id="readings">${embeddedJson(data)}</script>`
}

function drawing(report: Report, frame: Frame, outcomes: Outcome[]): Markup {
  const most = Math.max(1, ...report.arms.flatMap(arm => arm.seconds.map(second => second.scheduled)))
  const faults = report.phases.flatMap(phase => phase.faults.map(({ label }) => label))
  const about = `${duration(frame.endMs)} of ${report.arms.map(({ name }) => name).join(' and ')}; faults: ${faults.join(', ') || 'none'}. The tables below hold the figures.`
  return markup`<svg viewBox="0 0 ${SIZE.width} ${frame.height}" role="img" aria-label="${about}">
${patterns()}
${tints(report, frame)}
${goodputPanel(report, frame)}
${latencyPanel(report, frame)}
${frame.arms.map(panels => armPanels(panels, frame, most, outcomes))}
${names(report, frame)}
${titles(frame)}
${timeAxis(frame)}
<line class="cross" id="cross" y1="0" y2="${frame.height - 26}" x1="0" x2="0" hidden=""/>
</svg>`
}

function legendEntry(outcome: Outcome): Markup {
  const pattern = patternOf(outcome)
  const hatch =
    pattern === null ? null : markup`<rect width="14" height="14" rx="2" fill="url(#${pattern})"/>`
  return markup`<span class="key"><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="area ${outcome}" width="14" height="14" rx="2"/>${hatch}</svg>${OUTCOME_NAMES[outcome]}</span>`
}

// On a long run the band has no room for words, so the legend has them too.
function breakerLegend(): Markup {
  const names = {
    closed: 'breaker closed',
    open: 'breaker open',
    'half-open': 'breaker half-open, one trial call',
  }
  return markup`${Object.entries(names).map(
    ([state, name]) =>
      markup`<span class="key"><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="breaker ${state}" x="${state === 'half-open' ? 5 : 0}" y="${state === 'half-open' ? 0 : 3}" width="${state === 'half-open' ? 4 : 14}" height="${state === 'half-open' ? 14 : 8}"/></svg>${name}</span>`,
  )}`
}
