import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDurationHistogram, DURATION_BOUNDS_MS } from '../../../src/telemetry/duration-histogram.ts'
import type { Metric } from '../../../src/telemetry/metrics.ts'
import { createMetricsPage } from '../../../src/telemetry/prometheus.ts'

describe('a histogram of durations', () => {
  test('counts each duration in the first bucket that is not below it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 40_000, noNaN: true })), durations => {
        const histogram = createDurationHistogram()
        for (const ms of durations) histogram.observe(ms)
        let below = 0
        for (const [index, bound] of DURATION_BOUNDS_MS.entries()) {
          below += histogram.counts[index]!
          expect(below).toBe(durations.filter(ms => ms <= bound).length)
        }
        expect(below + histogram.counts.at(-1)!).toBe(durations.length)
        const sum = durations.reduce((total, ms) => total + ms, 0)
        expect(histogram.sumMs).toBeCloseTo(sum, 5)
      }),
      { seed: 42 },
    )
  })
})

describe('the metrics as Prometheus reads them', () => {
  const about = { help: 'What it is.', labelNames: ['kind'] }
  const page = (metric: Metric) => createMetricsPage([metric])

  test('carry the unit and the kind in their name', async () => {
    const counter: Metric = {
      ...about,
      name: 'a.b_c',
      unit: 's',
      kind: 'counter',
      read: () => [{ labels: { kind: 'x"y' }, value: 2 }],
    }
    const text = await page(counter).text()
    expect(text).toContain('# HELP a_b_c_seconds_total What it is.\n# TYPE a_b_c_seconds_total counter\n')
    expect(text).toContain('a_b_c_seconds_total{kind="x\\"y"} 2\n')
  })

  test('are read anew each time, and never added up', async () => {
    let value = 1
    const gauge: Metric = {
      ...about,
      name: 'g',
      unit: 'By',
      kind: 'gauge',
      read: () => [{ labels: { kind: String(value) }, value }],
    }
    const { text } = page(gauge)
    expect(await text()).toContain('g_bytes{kind="1"} 1\n')
    value = 5
    expect(await text()).toContain('g_bytes{kind="5"} 5\n')
    expect(await text()).not.toContain('kind="1"')
  })

  test('add the buckets of a histogram up, each with those below it', async () => {
    const histogram: Metric = {
      ...about,
      name: 'h',
      unit: 's',
      kind: 'histogram',
      read: () => [{ labels: { kind: 'x' }, bounds: [0.1, 1], counts: [2, 3, 1], sum: 7.5 }],
    }
    const text = await page(histogram).text()
    expect(text).toContain(
      [
        '# TYPE h_seconds histogram',
        'h_seconds_bucket{le="0.1",kind="x"} 2',
        'h_seconds_bucket{le="1",kind="x"} 5',
        'h_seconds_bucket{le="+Inf",kind="x"} 6',
        'h_seconds_sum{kind="x"} 7.5',
        'h_seconds_count{kind="x"} 6',
      ].join('\n'),
    )
  })
})
