// The end of the page: did the fault happen, can the numbers be believed, and how to run it again.
import { armInWords, belief, gatewayPeaks, toxiproxyWords } from '../facts.ts'
import { probeGroups } from '../probe-groups.ts'
import { LAG_GATE_MS, type Report } from '../report.ts'
import { count, duration, exitCodeMeaning, moment, ms, percent, plural } from '../words.ts'
import { type Markup, markup } from './markup.ts'
import { cell, columns, table } from './table.ts'

/** Probes straight through the chaos proxy, round the gateway. */
export function faultProof(report: Report): Markup {
  const groups = probeGroups(report).map(({ arm, phase, fault, probes, bites, isProven, sentence }) => [
    mark(isProven, 'bit', 'missed'),
    cell(`${arm}, ${phase}`, fault),
    sentence,
    `${count(bites)} of ${count(probes.length)}`,
  ])
  const every = report.probes.map(({ arm, atMs, fault, expected, observed, bit }) => [
    mark(bit, 'bit', 'missed'),
    arm,
    `${(atMs / 1_000).toFixed(2)} s`,
    fault,
    expected,
    observed,
  ])
  const summary = table('Fault proof', columns('', 'Arm, phase', 'Probe', 'Bit#'), groups)
  const all = table('Every probe', columns('', 'Arm', 'At#', 'Fault', 'Expected', 'Observed'), every)
  const isFaultPlanned = report.scenario.phases.some(({ faults }) => faults.length > 0)
  return markup`<section><h2>Did the fault happen?</h2>
<p class="soft">While a fault is on, probes go straight through the chaos proxy, round the gateway.</p>
${summary ?? markup`<p>${isFaultPlanned ? 'No probe was made, so nothing proves the fault.' : 'This scenario has no fault.'}</p>`}${all === null ? null : markup`<details><summary>Every probe (${report.probes.length})</summary>${all}</details>`}</section>`
}

/** Lag, drops, event loops, clean-up, caveats. */
export function quality(report: Report): Markup {
  const { instrument, cleanUp } = report
  const { lagMs } = instrument
  const rows = [
    ['Generator lag p50', ms(lagMs.p50), `≤ ${LAG_GATE_MS.p50} ms`, gate(lagMs.p50, LAG_GATE_MS.p50)],
    ['Generator lag p99', ms(lagMs.p99), `≤ ${LAG_GATE_MS.p99} ms`, gate(lagMs.p99, LAG_GATE_MS.p99)],
    ['Generator lag, largest', ms(lagMs.max), '', ''],
    ['Requests sent', `${count(instrument.sent)} of ${count(instrument.scheduled)}`, '', ''],
    ['Requests dropped', count(instrument.dropped), 'none', gate(instrument.dropped, 0)],
    ['Generator’s share of a core', percent(instrument.cpuShare), '', ''],
    ...report.arms.flatMap(arm => {
      const peaks = gatewayPeaks(arm)
      if (peaks === null) return []
      return [
        [`${arm.name}: event-loop lag, largest`, ms(peaks.lagMs), '', ''],
        [`${arm.name}: memory, largest`, `${count(peaks.rssMb)} MB`, '', ''],
        [`${arm.name}: upstream calls in flight, most`, count(peaks.inFlight), '', ''],
      ]
    }),
    ['Clean-up', cleanUp.detail, '', mark(cleanUp.proven, 'proven', 'not proven')],
  ]
  const caveats = report.caveats.map(
    ({ code, text }) => markup`<li>${text} <span class="soft">(${code})</span></li>`,
  )
  return markup`<section><h2>Measurement quality</h2><p class="soft">${belief(instrument)}</p>
${table('Measurement quality', columns('What', 'Measured#', 'Gate#', 'Result#'), rows)}
${caveats.length === 0 ? null : markup`<h3>Caveats</h3><ul class="plain">${caveats}</ul>`}</section>`
}

function gate(value: number | null, limit: number): Markup {
  return value === null
    ? markup`<span class="inconclusive">? unknown</span>`
    : mark(value <= limit, 'inside', 'outside')
}

function mark(isGood: boolean, good: string, bad: string): Markup {
  return isGood ? markup`<span class="pass">✓ ${good}</span>` : markup`<span class="fail">✗ ${bad}</span>`
}

/** Everything that is needed to run it again, and the scenario itself. */
export function configuration(report: Report): Markup {
  const { scenario, environment } = report
  const { load, upstream } = scenario
  const entries: [string, string][] = [
    [
      'Load',
      `${count(load.ratePerSecond)} requests a second, ${load.arrivals} arrivals, ${percent(load.readShare)} reads, ${plural(load.keys, 'key')}, Zipf ${load.zipfExponent}`,
    ],
    ['Client deadline', ms(load.clientDeadlineMs)],
    [
      'Upstream',
      environment.upstream === 'sample'
        ? `sample service, median ${ms(upstream.medianMs)}, sigma ${upstream.sigma}`
        : 'yours',
    ],
    ...report.arms.map((arm): [string, string] => [`Arm ${arm.name}`, armInWords(arm)]),
    ...report.phases.map((phase): [string, string] => [
      `Phase ${phase.name}`,
      `${duration(phase.startMs)} – ${duration(phase.endMs)}, ${phase.faults.map(({ label }) => label).join(', ') || 'no fault'}`,
    ]),
    [
      'Settings',
      Object.entries(scenario.settings)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ') || 'defaults',
    ],
    ['Length', report.quick ? 'quick' : 'full'],
    ['Seed', String(report.seed)],
    ['Leeward', environment.leeward],
    ['Node', environment.node],
    ['Machine', `${environment.platform}, ${environment.cores} × ${environment.cpu}`],
    ['Lab', environment.lab],
    ['Toxiproxy', toxiproxyWords(environment)],
    ['Cache', environment.cache],
    ['Started, finished', `${moment(report.startedAt)}; ${moment(report.finishedAt)}`],
    ['Observations', report.instrument.observationsFile ?? 'not kept'],
    ['References', scenario.references.join(', ') || 'none'],
  ]
  return markup`<section><h2>Run it again</h2><pre>${report.command}</pre>
<h3>Configuration and environment</h3><dl>${entries.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
${settingsOf(report)}
<details><summary>The scenario as data</summary><pre>${JSON.stringify(scenario, null, 2)}</pre></details></section>
<footer>Exit code ${report.verdict.exitCode}: ${exitCodeMeaning(report.verdict.exitCode)}. Made from <code>report.json</code> of ${report.id}; this page asks nothing of any network.</footer>`
}

/** What each gateway said of its own configuration. */
function settingsOf({ arms }: Report): Markup | null {
  const gateways = arms.filter(({ through }) => through === 'gateway')
  const names = [...new Set(gateways.flatMap(({ settings }) => Object.keys(settings)))]
  if (names.length === 0) return null
  const rows = names.map(name => [name, ...gateways.map(({ settings }) => settings[name] ?? '')])
  const heads = columns('Setting', ...gateways.map(({ name }) => name))
  return markup`<details><summary>The gateways' settings</summary>${table("The gateways' settings", heads, rows)}</details>`
}
