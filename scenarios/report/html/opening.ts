// The top of the page: what ran, the judgement in one sentence, and six figures with their objectives.
import { cutShort, runMs } from '../facts.ts'
import type { Finding, Report } from '../report.ts'
import { type Tile, tiles } from '../tiles.ts'
import { count, duration, moment, plural, unbroken, VERDICT_MARKS } from '../words.ts'
import { type Markup, markup } from './markup.ts'

/** Title, question, and where the numbers come from. */
export function heading(report: Report): Markup {
  const { scenario, environment } = report
  const meta = [
    moment(report.startedAt),
    duration(runMs(report)),
    `${count(scenario.load.ratePerSecond)} req/s open loop (${plural(report.instrument.scheduled, 'arrival')})`,
    `seed ${report.seed}`,
    `Leeward ${environment.leeward}`,
    `Node ${environment.node}`,
    plural(environment.cores, 'core'),
  ]
  return markup`<header><h1>Resilience report — ${scenario.name}</h1>
<p class="question">${scenario.question}</p>
<p class="meta">${meta.join(' · ')}</p></header>`
}

/** Says which phases are missing or short; null for a whole run. */
export function cutNotice(report: Report): Markup | null {
  const cuts = cutShort(report)
  if (cuts.length === 0) return null
  return markup`<p class="notice"><strong>■ This run was cut short.</strong> ${cuts.join('; ')}. Its figures cover only what ran.</p>`
}

/** The word, the sentence, and the reasons where it is no pass. */
export function verdictBar({ verdict }: Report): Markup {
  const reasons =
    verdict.reasons.length === 0
      ? null
      : markup`<ul>${verdict.reasons.map(reason => markup`<li>${reason}</li>`)}</ul>`
  return markup`<section class="verdict ${verdict.word}" aria-label="Verdict"><div class="word">${VERDICT_MARKS[verdict.word]} ${verdict.word.toUpperCase()}</div><div><p>${unbroken(verdict.sentence)}</p>${reasons}</div></section>`
}

/** The six figures that come first. */
export function tileRow(report: Report): Markup {
  return markup`<ul class="tiles">${tiles(report).map(oneTile)}</ul>`
}

function oneTile({ label, value, objective, detail, verdict }: Tile): Markup {
  const size = value.length > 9 ? 'value long' : 'value'
  return markup`<li class="tile"><span class="name">${label}</span><span class="${size}">${value}</span><span class="aim">${verdictMark(verdict)}${unbroken(objective)}</span><span class="detail">${unbroken(detail)}</span></li>`
}

function verdictMark(verdict: Finding['verdict'] | null): Markup | null {
  return verdict === null ? null : markup`<span class="${verdict}">${VERDICT_MARKS[verdict]} </span>`
}
