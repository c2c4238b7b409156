// The report as one page that needs no network: judgement first, then reasons, then details. Whole without its script.
import { createHash } from 'node:crypto'
import { configuration, faultProof, quality } from './html/evidence.ts'
import { markup, trusted } from './html/markup.ts'
import { cutNotice, heading, tileRow, verdictBar } from './html/opening.ts'
import { byPhase, guardsWorth, objectives, recovery } from './html/results.ts'
import { script } from './html/script.ts'
import { style } from './html/style.ts'
import { timeline } from './html/timeline.ts'
import type { Report } from './report.ts'
import { VERDICT_MARKS } from './words.ts'

/** `report.html`. Its policy lets in this style sheet and this script by their hashes, and nothing else. */
export function html(report: Report): string {
  const { verdict, scenario } = report
  const hasRun = report.arms.length > 0
  const policy = `default-src 'none'; style-src '${hashOf(style)}'; script-src '${hashOf(script)}'; base-uri 'none'; form-action 'none'`
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${VERDICT_MARKS[verdict.word]} ${verdict.word} · ${scenario.name} · Leeward</title>
<style>${trusted(style)}</style>
</head>
<body>
<main>
${heading(report)}
${cutNotice(report)}
${verdictBar(report)}
${tileRow(report)}
${
  hasRun
    ? markup`<section><h2>Timeline</h2>
${timeline(report)}</section>
${byPhase(report)}`
    : null
}
${objectives(report)}
${hasRun ? recovery(report) : null}
${guardsWorth(report)}
${faultProof(report)}
${quality(report)}
${configuration(report)}
</main>
${hasRun ? markup`<script>${trusted(script)}</script>` : null}
</body>
</html>
`.html
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
