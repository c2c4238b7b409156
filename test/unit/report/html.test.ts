import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { breakerSpells } from '../../../scenarios/report/html/timeline/arms.ts'
import { roundDomain, ticksOf } from '../../../scenarios/report/html/timeline/lines.ts'
import { html } from '../../../scenarios/report/html.ts'
import { sampleReport } from '../../support/sample-report.ts'
import {
  cacheBenefitReport,
  failedReport,
  inconclusiveReport,
  interruptedReport,
  longReport,
  oneArmReport,
} from '../../support/sample-variants.ts'

const HOSTILE = '</script><img src=x onerror=alert(1)>"\'&'

const embedded = (page: string) =>
  page.match(/<script type="application\/json" id="readings">(.*?)<\/script>/s)?.[1] ?? ''

/** The page's text, without its drawing, its data and the scenario printed at its end. */
function textOf(page: string): string {
  const told = page.replaceAll(/<(svg|style|script|pre)\b.*?<\/\1>/gs, ' ')
  return told.replaceAll(/<[^>]*>/g, ' ').replaceAll(/[\s\u00a0]+/g, ' ')
}

describe('the page', () => {
  test('is closed to every network: nothing but its own style and script is let in, and no address stands in it', () => {
    const page = html(sampleReport())
    expect(page).not.toMatch(/https?:|\/\/[a-z]|url\((?!#)|@import|<(?:link|img|iframe|object)\b/i)
    const policy = page.match(/Content-Security-Policy" content="([^"]*)"/)?.[1] ?? ''
    expect(policy).toContain('default-src &#39;none&#39;')
    for (const [tag, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ]) {
      const text = page.match(new RegExp(`<${tag}>(.*?)</${tag}>`, 's'))?.[1] ?? ''
      const hash = createHash('sha256').update(text).digest('base64')
      expect(policy).toContain(`${directive} &#39;sha256-${hash}&#39;`)
    }
  })

  test('carries no style attribute, which its own policy would refuse', () => {
    expect(html(sampleReport())).not.toMatch(/<[^>]+\sstyle=/)
  })

  test('shows hostile text from every corner of a report as text', () => {
    const page = html(
      sampleReport(report => {
        report.scenario.question = HOSTILE
        report.verdict.sentence = HOSTILE
        report.verdict.reasons = [HOSTILE]
        report.command = HOSTILE
        report.caveats = [{ code: HOSTILE, text: HOSTILE }]
        for (const phase of report.phases) {
          phase.name = HOSTILE
          phase.faults.forEach(fault => {
            fault.label = HOSTILE
          })
        }
        for (const probe of report.probes) probe.observed = HOSTILE
        for (const arm of report.arms) arm.name = HOSTILE
        for (const finding of report.findings) finding.note = HOSTILE
      }),
    )
    expect(page).not.toContain('<img')
    expect(page.match(/<script\b/g)).toHaveLength(2)
    expect(page.match(/<\/script>/g)).toHaveLength(2)
    expect(JSON.stringify(JSON.parse(embedded(page)))).toContain(JSON.stringify(HOSTILE).slice(1, -1))
  })
})

describe('what the page tells', () => {
  test('shows every hypothesis with its limit and margin', () => {
    const report = sampleReport()
    const text = textOf(html(report))
    for (const { claim } of report.scenario.hypotheses) expect(text).toContain(claim)
    expect(text).toContain('≥ 95 %')
    expect(text).toContain('to spare')
  })

  test('draws the bare arm beside the guarded one, in every panel', () => {
    const page = html(sampleReport())
    expect(page).toContain('bare p95')
    expect(page).toContain('>bare<')
    expect(page.match(/class="line other other-1"/g)).toHaveLength(2)
    expect(page).toContain('class="area timeout"')
  })

  test('names the fault on top of the timeline and shades it behind every panel', () => {
    const page = html(sampleReport())
    expect(page).toContain('latency 2000 on answers')
    const firstArea = page.indexOf('class="area')
    const lastTint = page.lastIndexOf('class="tint"')
    expect(page.match(/class="tint"/g)).toHaveLength(5)
    expect(lastTint).toBeLessThan(firstArea)
  })

  test('says "not measured" for what nobody measured, and never 0', () => {
    const text = textOf(html(inconclusiveReport()))
    expect(text).toContain('Reads good in the fault not measured')
    expect(text).toContain('p95 served in the fault not measured')
    expect(text).not.toMatch(/\bNaN\b|\bnull\b|\bundefined\b|\bInfinity\b/)
  })

  test('says visibly that a run was cut short, and which phases are missing', () => {
    const text = textOf(html(interruptedReport()))
    expect(text).toContain(
      'This run was cut short. fault ran 4 s of 15 s; recovery did not run (15 s planned)',
    )
    expect(textOf(html(sampleReport()))).not.toContain('cut short')
  })

  test('compares nothing where there is one arm', () => {
    expect(textOf(html(oneArmReport()))).not.toContain('What the guards bought')
  })

  test('draws a direct arm without a breaker', () => {
    const page = html(cacheBenefitReport())
    expect(page.match(/>breaker<\/text>/g)).toHaveLength(2)
    expect(page).toContain('straight to the chaos proxy, no gateway')
    expect(page).not.toContain('class="tint"')
  })

  test.each([
    ['whole', sampleReport()],
    ['interrupted', interruptedReport()],
    ['inconclusive', inconclusiveReport()],
    ['failed before its first request', failedReport()],
    ['of one arm', oneArmReport()],
    ['of four arms and 10 minutes', longReport()],
  ])('has no broken number in a report %s', (_, report) => {
    expect(html(report)).not.toMatch(/NaN|Infinity|="undefined|>undefined/)
  })

  test('has a reading for every second, with every arm in it', () => {
    const { readings } = JSON.parse(embedded(html(sampleReport())))
    expect(readings).toHaveLength(45)
    expect(readings[16][0]).toEqual(['16 – 17 s · fault · latency 2000 on answers'])
    expect(readings[16][1][0]).toMatch(/^guarded: reads good .* · breaker open$/)
    expect(readings[16][2][0]).toMatch(/^bare: reads good/)
  })
})

describe('the latency axis', () => {
  test('has 1-2-5 ticks', () => {
    expect(ticksOf([2, 500])).toEqual([2, 5, 10, 20, 50, 100, 200, 500])
  })

  test('ends on the 1-2-5 numbers round what it shows, also where that is one number or none above zero', () => {
    expect(roundDomain([3.1, 420])).toEqual([2, 500])
    expect(roundDomain([20])).toEqual([20, 50])
    expect(roundDomain([0])).toEqual([0.1, 0.2])
  })
})

describe('the breaker band', () => {
  const move = (atMs: number, from: 'closed' | 'open', to: 'closed' | 'open') => ({
    atMs,
    from,
    to,
    eventLoopLagMs: 0,
  })

  test('is closed throughout where nothing moved', () => {
    expect(breakerSpells([], 9_000)).toEqual([{ state: 'closed', fromMs: 0, toMs: 9_000 }])
  })

  test('begins in the state that the first move left', () => {
    expect(breakerSpells([move(2_000, 'open', 'closed')], 5_000)).toEqual([
      { state: 'open', fromMs: 0, toMs: 2_000 },
      { state: 'closed', fromMs: 2_000, toMs: 5_000 },
    ])
  })
})
