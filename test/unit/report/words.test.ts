import { describe, expect, test } from 'vitest'
import { boundOf, differenceOf, marginOf } from '../../../scenarios/report/facts.ts'
import type { Finding } from '../../../scenarios/report/report.ts'
import { sparkline } from '../../../scenarios/report/sparkline.ts'
import { tiles } from '../../../scenarios/report/tiles.ts'
import { count, duration, exitCodeMeaning, ms, percent, times } from '../../../scenarios/report/words.ts'
import { sampleReport } from '../../support/sample-report.ts'
import { cacheBenefitReport } from '../../support/sample-variants.ts'

describe('numbers in words', () => {
  test('say what was not measured', () => {
    expect([count(null), ms(null), duration(null), percent(null), times(null)]).toEqual(
      Array.from({ length: 5 }, () => 'not measured'),
    )
  })

  test('never round nearly all up to all, nor hardly any down to none', () => {
    expect([percent(0.99996), percent(1), percent(0.00004), percent(0), percent(0.979)]).toEqual([
      '> 99.9 %',
      '100 %',
      '< 0.1 %',
      '0 %',
      '97.9 %',
    ])
    expect([times(0.001), times(0), times(1.018)]).toEqual(['< 0.01×', '0.00×', '1.02×'])
  })

  test('keep a decimal only where it means something', () => {
    expect([ms(3.84), ms(9.96), ms(212.4), ms(2_004)]).toEqual(['3.8 ms', '10 ms', '212 ms', '2,004 ms'])
    expect([0, 846, 1_250, 15_000, 119_600, 600_000, 605_000].map(duration)).toEqual([
      '0 s',
      '846 ms',
      '1.25 s',
      '15 s',
      '2 min',
      '10 min',
      '10 min 5 s',
    ])
  })

  test('give every exit code a meaning', () => {
    for (const code of [0, 1, 2, 3, 4, 5, 130]) expect(exitCodeMeaning(code)).not.toMatch(/does not know/)
  })
})

describe('a finding in words', () => {
  const finding = (
    metric: Finding['hypothesis']['metric'],
    unit: Finding['unit'],
    measured: number | null,
    bound: Finding['hypothesis']['bound'],
  ): Finding => ({
    hypothesis: {
      claim: 'a claim that holds',
      arm: 'guarded',
      phase: 'fault',
      metric,
      bound,
      leastSamples: 1,
    },
    unit,
    measured,
    interval: null,
    samples: 1,
    verdict: 'pass',
    note: '',
  })

  test('has its limit and its margin in the metric’s own unit', () => {
    const read = finding('goodput.read', 'ratio', 0.979, { atLeast: 0.95 })
    const recover = finding('recover', 'ms', 5_500, { atMost: 4_000 })
    const calls = finding('amplification', 'ratio', 1.02, { atMost: 1.1 })
    expect([read, recover, calls].map(boundOf)).toEqual(['≥ 95 %', '≤ 4 s', '≤ 1.10×'])
    expect([read, recover, calls].map(marginOf)).toEqual([
      '2.9 points to spare',
      'missed by 1.5 s',
      '0.08× to spare',
    ])
  })

  test('has no margin where it has no value', () => {
    expect(marginOf(finding('detect', 'ms', null, { atMost: 1 }))).toBe('not measured')
  })
})

describe('a difference in words', () => {
  test('carries its sign, and none where a side is missing', () => {
    const of = (first: number | null, second: number | null) =>
      differenceOf({ phase: 'fault', metric: 'goodput.read', unit: 'ratio', first, second })
    expect([of(0.98, 0.03), of(0.03, 0.98), of(0.5, null)]).toEqual([
      '+95.0 points',
      '−95.0 points',
      'not measured',
    ])
  })
})

describe('the six tiles', () => {
  test('each come with an objective or say that there is none', () => {
    const six = tiles(sampleReport())
    expect(six.map(({ label }) => label)).toEqual([
      'Reads good in the fault',
      'p95 served in the fault',
      'Recovery time',
      'Served stale in the fault',
      'Shed in the fault',
      'Breaker opens',
    ])
    expect(six[0]?.objective).toBe('objective ≥ 95 %')
    expect(six[3]?.objective).toBe('no objective')
  })

  test('do not lend the whole run’s count of opens to an objective about one phase', () => {
    expect(tiles(sampleReport())[5]).toMatchObject({ value: '7', objective: 'objective ≤ 0 in baseline: 0' })
  })

  test('are about the baseline where nothing is broken', () => {
    expect(tiles(cacheBenefitReport())[0]?.label).toBe('Reads good in baseline')
  })
})

describe('a sparkline', () => {
  const scale = { lowest: 1, highest: 1_000 }

  test('climbs with the logarithm and stays on its scale', () => {
    expect(sparkline([0, 1, 30, 1_000, 90_000], scale)).toBe('▁▁▄██')
  })

  test('leaves a gap where nothing was measured', () => {
    expect(sparkline([1, null, 1], scale)).toBe('▁·▁')
  })

  test('shows the worst of what it must put together', () => {
    expect(sparkline([1, 1_000, 1, null, null, null], scale, 2)).toBe('█·')
  })
})
