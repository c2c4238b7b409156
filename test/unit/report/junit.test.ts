import { describe, expect, test } from 'vitest'
import { escapeXml, junit } from '../../../scenarios/report/junit.ts'
import type { Report } from '../../../scenarios/report/report.ts'
import { sampleReport } from '../../support/sample-report.ts'
import {
  failedReport,
  inconclusiveReport,
  interruptedReport,
  longReport,
} from '../../support/sample-variants.ts'
import { elementsOf } from '../../support/well-formed.ts'

const count = (report: Report, element: string) =>
  elementsOf(junit(report)).filter(name => name === element).length

describe('the JUnit file', () => {
  test('is well-formed whatever a report holds', () => {
    const hostile = sampleReport(report => {
      for (const finding of report.findings) {
        finding.hypothesis.claim = finding.note = 'a]]> <b a="1"> & \u0000\u001b\ufffe \ud800 é 漢 😀'
      }
      report.scenario.hypotheses = report.findings.map(({ hypothesis }) => hypothesis)
      report.verdict.sentence = '\u0007<&>'
    })
    for (const report of [hostile, sampleReport(), longReport(), failedReport()]) {
      expect(() => elementsOf(junit(report))).not.toThrow()
    }
  })

  test('keeps letters of every script and drops only what XML forbids', () => {
    expect(escapeXml('é 漢 😀 \u0000\u001b\ufffe\ud800<&>"')).toBe('é 漢 😀 \ufffd&lt;&amp;&gt;&quot;')
  })

  test('has a case for each hypothesis, named after scenario and phase', () => {
    const report = sampleReport()
    expect(count(report, 'testcase')).toBe(report.scenario.hypotheses.length)
    expect(junit(report)).toContain('classname="slow-upstream.fault"')
    expect(junit(report)).toContain('<property name="seed" value="42"/>')
    expect(junit(report)).toContain('<property name="node" value="v26.10.0"/>')
  })

  test('fails a case with value, limit and n', () => {
    const report = sampleReport(({ findings, verdict }) => {
      Object.assign(findings[0] ?? {}, { measured: 0.61, verdict: 'fail' })
      Object.assign(verdict, { word: 'fail', exitCode: 1 })
    })
    expect(count(report, 'failure')).toBe(1)
    expect(junit(report)).toMatch(
      /goodput\.read 61\.0 %, limit ≥ 95 %, missed by 34\.0 points, n = [\d,]+ samples/,
    )
  })

  test('skips what was not judged, and says why', () => {
    expect(count(interruptedReport(), 'skipped')).toBe(1)
    expect(junit(interruptedReport())).toContain('not judged: the run ended before recovery')
  })

  test('makes every case an error where the measurement was invalid', () => {
    for (const report of [inconclusiveReport(), failedReport()]) {
      expect(count(report, 'error')).toBe(report.scenario.hypotheses.length)
      expect(count(report, 'failure') + count(report, 'skipped')).toBe(0)
    }
  })

  test('lets the other cases stand where only one lacked data', () => {
    const report = sampleReport(({ findings, verdict }) => {
      Object.assign(findings[0] ?? {}, { measured: null, verdict: 'inconclusive', note: '12 samples of 100' })
      Object.assign(verdict, { word: 'inconclusive', exitCode: 2 })
    })
    expect(count(report, 'error')).toBe(0)
    expect(count(report, 'skipped')).toBe(1)
  })
})
