import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../../scenarios/report/report.ts'
import { summary } from '../../../scenarios/report/terminal.ts'
import { sampleReport } from '../../support/sample-report.ts'
import {
  cacheBenefitReport,
  failedReport,
  inconclusiveReport,
  interruptedReport,
  longReport,
  oneArmReport,
} from '../../support/sample-variants.ts'

const plain = (report: Report) => summary(report, { colour: false, path: 'reports/slow-upstream/now' })
const widest = (text: string) => Math.max(...text.split('\n').map(line => [...line].length))

describe('the summary', () => {
  test.each([
    ['whole', sampleReport()],
    ['interrupted', interruptedReport()],
    ['inconclusive', inconclusiveReport()],
    ['failed', failedReport()],
    ['of one arm', oneArmReport()],
    ['of three arms', cacheBenefitReport()],
    ['of four arms, with a very long name', longReport()],
  ])('of a report %s fits 100 columns', (_, report) => {
    expect(widest(plain(report))).toBeLessThanOrEqual(100)
    expect(plain(report)).not.toMatch(/NaN|null|undefined|Infinity/)
  })

  test('fits 100 columns too where a phase has millions of requests and every outcome', () => {
    const report = sampleReport(({ arms }) => {
      for (const phase of arms.flatMap(arm => arm.phases)) {
        phase.scheduled = 72_000_000
        phase.phase = 'a-phase-with-quite-a-name'
        phase.goodput.read = { value: 0.1234, good: 1, of: 64_800_000, interval: null }
        for (const outcome of Object.keys(phase.outcomes))
          Object.assign(phase.outcomes, { [outcome]: 8_123_456 })
      }
    })
    expect(widest(plain(report))).toBeLessThanOrEqual(100)
  })

  test('says the same with colour as without', () => {
    const coloured = summary(sampleReport(), { colour: true, path: 'reports/slow-upstream/now' })
    expect(coloured).not.toBe(plain(sampleReport()))
    expect(stripVTControlCharacters(coloured)).toBe(plain(sampleReport()))
  })

  test('begins with the verdict and ends with what the exit code means', () => {
    const lines = plain(sampleReport()).trimEnd().split('\n')
    expect(lines[1]).toBe('✓ PASS')
    expect(lines.at(-2)).toBe('Report: reports/slow-upstream/now')
    expect(lines.at(-1)).toBe('Exit code 0: every hypothesis held.')
  })

  test('shows every hypothesis with a mark that needs no colour', () => {
    const report = interruptedReport()
    for (const { hypothesis, verdict } of report.findings) {
      expect(plain(report)).toContain(`${verdict === 'pass' ? '✓' : '?'} ${hypothesis.claim}`)
    }
  })

  test('says what the probe saw and what was asked', () => {
    expect(plain(sampleReport())).toContain('the probe saw 2,004 ms, expected at least 2,000 ms')
  })

  test('lets a probe that bit speak for a fault that need not bite every time', () => {
    const report = inconclusiveReport()
    report.probes = report.probes.map(probe => ({ ...probe, needs: 'one' }))
    expect(plain(report)).toContain('✓ guarded, latency 2000 on answers: the probe saw 2,004 ms')
  })

  test('lets a probe that missed speak for its fault', () => {
    expect(plain(inconclusiveReport())).toContain('✗ guarded, latency 2000 on answers: the probe saw 21 ms')
  })

  test('explains its dashes where something was not measured', () => {
    expect(plain(inconclusiveReport())).toContain('–: not measured')
    expect(plain(sampleReport())).not.toContain('–:')
  })

  test('does not hide outcomes that have no column', () => {
    const report = sampleReport(({ arms }) => {
      Object.assign(arms[0]?.phases[2]?.outcomes ?? {}, { corrupt: 3 })
    })
    expect(plain(report)).toContain('! guarded, fault: 3 corrupt')
  })

  test('says that clean-up was not proven', () => {
    const report = sampleReport(edited => {
      edited.cleanUp = { proven: false, detail: 'a toxic is still on' }
    })
    expect(plain(report)).toContain('✗ Clean-up not proven: a toxic is still on')
  })

  test('wraps its prose to a narrower terminal', () => {
    const text = summary(sampleReport(), { colour: false, path: null, columns: 60 })
    const objectives = text.slice(text.indexOf('Objectives'), text.indexOf('What the guards bought'))
    expect(Math.max(...objectives.split('\n').map(line => line.length))).toBeLessThanOrEqual(60)
  })
})
