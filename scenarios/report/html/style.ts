// The page's only style sheet: one set of variables for light, dark and paper.

const light = `
  --paper: #fff; --raised: #f5f7fb; --ink: #151c2a; --soft: #566176; --rule: #e2e7ef; --grid: #e9edf3;
  --pass: #0f7a4b; --fail: #bf2435; --warn: #8a5a00; --pass-wash: #effaf4; --fail-wash: #fdf1f2; --warn-wash: #fdf6e7;
  --p50: #1766c2; --p95: #bd5200; --p99: #86308c; --other: #4a5568; --other-2: #0f6f76; --other-3: #97406c;
  --tint: #fdf0d4; --fault: #7a4b00; --fault-bar: #f8dfa9;
  --cached: #2f9e74; --stale: #a9dcc6; --stale-line: #1d7a57; --fresh: #7ba5e8; --shed: #e6b840; --shed-line: #946800;
  --error: #cf3342; --timeout: #8d1f3d; --dot: #ffd7df; --corrupt: #7d2ea8; --wrong: #c06bc9; --unsent: #98a2b3;
  --closed: #217a52; --open: #c02a3a; --half-open: #b97a00; --word: #fff;`

const dark = `
  --paper: #10151e; --raised: #19212d; --ink: #e8ecf3; --soft: #9daabf; --rule: #2b3544; --grid: #222b38;
  --pass: #4fca8e; --fail: #ff7582; --warn: #f0b443; --pass-wash: #12271f; --fail-wash: #2d181d; --warn-wash: #2b2313;
  --p50: #6eb0ff; --p95: #ff9d4d; --p99: #d98be0; --other: #b4bfd0; --other-2: #5fc9d0; --other-3: #ef9cc6;
  --tint: #2d2517; --fault: #ffcf7d; --fault-bar: #4c3a17;
  --cached: #2d8f69; --stale: #1e4a3a; --stale-line: #62cfa1; --fresh: #4d7bc4; --shed: #c3952a; --shed-line: #4a3700;
  --error: #d9485a; --timeout: #7e1b38; --dot: #ff9db3; --corrupt: #a45bd0; --wrong: #c983d0; --unsent: #6b7689;
  --closed: #217a52; --open: #b52b3b; --half-open: #d3921c; --word: #fff;`

/** Everything the page looks like. */
export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 "Noto Sans", system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 32px 40px 72px; }
h1 { font-size: 23px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; letter-spacing: -.01em; }
h2 { font-size: 17px; margin: 48px 0 4px; }
h3 { font-size: 14px; margin: 22px 0 6px; }
p { margin: 0 0 8px; max-width: 92ch; }
.soft, .meta { color: var(--soft); }
.meta { font-size: 13.5px; max-width: none; }
.question { font-size: 16px; margin-bottom: 2px; }
.notice { border: 1px solid var(--warn); background: var(--warn-wash); border-radius: 10px; padding: 12px 18px; margin: 18px 0 0; max-width: none; }
.notice strong { color: var(--warn); }
.verdict { display: flex; gap: 24px; align-items: center; border-left: 6px solid var(--warn); background: var(--warn-wash); border-radius: 12px; padding: 18px 24px; margin: 20px 0 14px; }
.verdict.pass { border-color: var(--pass); background: var(--pass-wash); }
.verdict.fail, .verdict.error { border-color: var(--fail); background: var(--fail-wash); }
.verdict .word { font-size: 25px; font-weight: 700; letter-spacing: .01em; white-space: nowrap; }
.verdict p { margin: 0; font-size: 16px; }
.verdict ul { margin: 6px 0 0; padding-left: 18px; color: var(--soft); font-size: 14px; }
.pass .word, td .pass, .tile .pass { color: var(--pass); }
.fail .word, .error .word, td .fail, .tile .fail { color: var(--fail); }
.verdict:not(.pass, .fail, .error) .word, td .inconclusive, .tile .inconclusive { color: var(--warn); }
td .pass, td .fail, td .inconclusive { font-weight: 650; white-space: nowrap; }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px; margin: 0; padding: 0; list-style: none; }
.tile { background: var(--raised); border-radius: 12px; padding: 12px 14px; display: flex; flex-direction: column; min-width: 0; }
.tile .name { font-size: 12.5px; color: var(--soft); }
.tile .value { font-size: 22px; line-height: 1.3; font-weight: 680; letter-spacing: -.015em; overflow-wrap: break-word; }
.tile .value.long { font-size: 16px; line-height: 1.8; }
.tile .aim, .tile .detail { font-size: 12.5px; color: var(--soft); }
.scroll { overflow-x: auto; }
.scroll:focus-visible, .plot:focus-visible { outline: 2px solid var(--p50); outline-offset: 3px; border-radius: 6px; }
figure { margin: 12px 0 0; }
.plot { position: relative; min-width: 900px; }
.plot svg { display: block; width: 100%; height: auto; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft); margin-top: 8px; }
.key { display: inline-flex; align-items: center; gap: 7px; }
.key svg { width: 14px; height: 14px; }
.hint { flex-basis: 100%; font-size: 12.5px; }
.tip { position: absolute; top: 52px; max-width: 380px; pointer-events: none; background: var(--paper); border: 1px solid var(--rule); border-radius: 10px; box-shadow: 0 6px 22px rgb(0 0 0 / .16); padding: 9px 13px; font-size: 12.5px; line-height: 1.5; }
.tip strong, .tip span { display: block; } .tip div + div { margin-top: 6px; }
svg text { font: 11.5px "Noto Sans", system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
svg .axis { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg .phase { font-weight: 600; }
svg .fault { font-weight: 600; fill: var(--fault); }
svg .panel-title { font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
svg .meaning { font-weight: 400; fill: var(--soft); }
.tint { fill: var(--tint); }
.fault-bar { fill: var(--fault-bar); }
.bolt { fill: var(--fault); }
.grid { stroke: var(--grid); fill: none; }
.base, .tick { stroke: var(--soft); fill: none; }
.edge { stroke: var(--soft); stroke-opacity: .45; stroke-dasharray: 1 3; fill: none; }
.fault-edge { stroke: var(--fault); stroke-opacity: .75; stroke-dasharray: 3 3; fill: none; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.line.p50 { stroke: var(--p50); }
.line.p95 { stroke: var(--p95); stroke-width: 2.4; }
.line.p99 { stroke: var(--p99); stroke-dasharray: 5 3; }
.line.goodput { stroke: var(--pass); stroke-width: 2.4; }
.line.other { stroke: var(--other); stroke-dasharray: 8 3 2 3; stroke-width: 1.8; }
.line.other-2 { stroke: var(--other-2); stroke-dasharray: 2 3; }
.line.other-3 { stroke: var(--other-3); stroke-dasharray: 12 4; stroke-width: 1.2; }
svg .label { font-weight: 600; }
svg .label.p50 { fill: var(--p50); } svg .label.p95 { fill: var(--p95); } svg .label.p99 { fill: var(--p99); }
svg .label.goodput { fill: var(--pass); } svg .label.other { fill: var(--other); } svg .label.other-2 { fill: var(--other-2); } svg .label.other-3 { fill: var(--other-3); }
.objective { stroke: var(--fail); stroke-dasharray: 6 4; stroke-width: 1.3; fill: none; }
svg .objective-label { fill: var(--fail); paint-order: stroke; stroke: var(--tint); stroke-width: 3px; }
.breaker.closed { fill: var(--closed); } .breaker.open { fill: var(--open); } .breaker.half-open { fill: var(--half-open); }
.breaker { stroke: var(--paper); stroke-width: .6; } .breaker.thin { stroke: none; }
svg .word { fill: var(--word); font-weight: 600; font-size: 11px; }
.area.cached { fill: var(--cached); } .area.stale { fill: var(--stale); } .area.fresh { fill: var(--fresh); } .area.shed { fill: var(--shed); }
.area.error { fill: var(--error); } .area.timeout { fill: var(--timeout); } .area.corrupt { fill: var(--corrupt); } .area.wrong { fill: var(--wrong); } .area.unsent { fill: var(--unsent); }
.hatch { stroke-width: 2.2; fill: none; } .stale-line { stroke: var(--stale-line); } .shed-line { stroke: var(--shed-line); stroke-width: 1; } .hatch-dot { fill: var(--dot); }
.cross { stroke: var(--ink); } .cross[hidden] { display: none; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; margin-top: 8px; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; vertical-align: bottom; }
th, td { padding: 7px 9px; border-bottom: 1px solid var(--rule); }
td { vertical-align: top; } td.text:first-child { white-space: nowrap; }
th.number, td.number { text-align: right; white-space: nowrap; }
tbody th { color: var(--ink); font-size: 13.5px; vertical-align: top; }
td .sub { display: block; font-size: 12px; color: var(--soft); white-space: nowrap; }
td.claim { min-width: 240px; } td.claim .sub { white-space: normal; }
.unmeasured { color: var(--soft); font-style: italic; }
.share { display: block; width: 150px; height: 14px; border-radius: 3px; }
.pair { display: grid; grid-template-columns: 1fr 70px; gap: 10px; align-items: center; min-width: 170px; }
.pair svg { display: block; width: 100%; height: 10px; }
.pair .of-first { fill: var(--cached); } .pair .of-second { fill: var(--other); } .pair .ground { fill: var(--grid); }
.pair span { text-align: right; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 26px; margin: 8px 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, "Cascadia Code", "DejaVu Sans Mono", monospace; }
pre { background: var(--raised); border-radius: 10px; padding: 12px 16px; overflow-x: auto; margin: 8px 0; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--soft); font-size: 14px; }
ul.plain { padding-left: 20px; margin: 6px 0; font-size: 14px; }
footer { margin-top: 52px; color: var(--soft); font-size: 13px; border-top: 1px solid var(--rule); padding-top: 14px; }
@media (max-width: 960px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 620px) {
  main { padding: 20px 16px 48px; } .tiles { grid-template-columns: repeat(2, 1fr); gap: 10px; }
  .verdict { flex-direction: column; align-items: flex-start; gap: 8px; padding: 16px 18px; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; } h2 { margin-top: 36px; }
}
@media print {
  :root { color-scheme: light; ${light} }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  @page { margin: 12mm; }
  main { max-width: none; padding: 0; } .scroll { overflow: visible; } .plot { min-width: 0; } .hint, .tip { display: none; }
  table { font-size: 10.5px; } th, td { padding: 4px 5px; font-size: 10.5px; } tbody th { font-size: 10.5px; } td .sub { font-size: 9.5px; white-space: normal; }
  .share { width: 80px; } h2 { margin-top: 26px; } h2, h3 { break-after: avoid; } figure, .tile, tr, .verdict { break-inside: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; } details::details-content { content-visibility: visible; height: auto; display: block; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: 6px; } .tile { padding: 8px; } .tile .value { font-size: 16px; } .tile .name, .tile .aim, .tile .detail { font-size: 10px; }
}
`
