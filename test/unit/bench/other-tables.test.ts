import { describe, expect, test } from 'vitest'
import { type FailureFigures, failureSection } from '../../bench/failure.ts'
import { targetText } from '../../bench/section.ts'
import { soakSection } from '../../bench/soak/table.ts'
import type { SoakSample } from '../../bench/soak.ts'

describe('the bench of a failing upstream', () => {
  const figures = (failing: FailureFigures['failing'], mostPerSecond: number, p99: number) => ({
    failing,
    mostPerSecond,
    perSecond: 5_000,
    expectedShare: 1,
    lagMs: { p50: 1, p99, most: 2 * p99 },
    p99Ms: 10,
  })

  test('wants more refusals than answers, and an event loop that keeps up', () => {
    const section = failureSection([
      figures('no', 1_000, 5),
      figures('status', 2_000, 19.9),
      figures('reset', 900, 20),
    ])
    expect(section.targets.map(targetText).map(text => text[0])).toEqual(['✓', '✓', '✗', '✗'])
  })
})

describe('the soak', () => {
  const totals = { answers: 5, statuses: { '5xx': 1, '2xx': 4 }, errors: 0, left: 2 }
  const sample = (heapBytes: number, sockets: number): SoakSample => ({
    minutes: 1,
    fault: 'any',
    held: { heapBytes, externalBytes: 0, rssBytes: 0, sockets, timers: 0 },
  })
  const verdicts = (samples: SoakSample[]) =>
    soakSection(samples, totals).targets.map(target => targetText(target)[0])

  test('compares the rest at the end with the rest at the start, whatever was between', () => {
    expect(verdicts([sample(20e6, 0), sample(90e6, 500), sample(21.9e6, 2)])).toEqual(['✓', '✓'])
    expect(verdicts([sample(20e6, 0), sample(22.1e6, 3)])).toEqual(['✗', '✗'])
  })

  test('a heap that has shrunk by as much was not the one to begin with', () => {
    expect(verdicts([sample(20e6, 0), sample(17.9e6, 0)])).toEqual(['✗', '✓'])
  })

  test('tells what the load came to', () => {
    expect(soakSection([sample(1, 0)], totals).title).toContain(
      '5 answers (4 2xx, 1 5xx), 0 errors, 2 clients',
    )
  })
})
