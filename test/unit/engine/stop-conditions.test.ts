import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LoadDriver } from '../../../scenarios/engine/load-driver.ts'
import type { RunRecord } from '../../../scenarios/engine/record.ts'
import { stopWhen } from '../../../scenarios/engine/stop-conditions.ts'
import slowUpstream from '../../../scenarios/slow-upstream.ts'

/** As much of a record as a stop condition looks at: what the first arm's gateway has reported. */
function recordOf(counts: { at: number; eventLoopLagMs: number; rssMb: number }[]): RunRecord {
  return {
    scenario: slowUpstream,
    arms: [{ lab: { arm: { name: 'guarded' } }, gateway: { counts }, exits: 0 }],
  } as unknown as RunRecord
}

const running = { finished: new Promise(() => {}) } as unknown as LoadDriver
const nobody = new AbortController().signal

describe('a run', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Reports of the last 2 s, one each 250 ms, and the ending that comes of them. */
  function endingAfter(reports: { eventLoopLagMs: number; rssMb: number }[]) {
    const now = performance.timeOrigin + performance.now()
    const counts = reports.map((report, index) => ({
      ...report,
      at: now - (reports.length - 1 - index) * 250,
    }))
    const stop = stopWhen(recordOf(counts), running, nobody)
    vi.advanceTimersByTime(250)
    stop.dispose()
    return { ending: stop.ending(), isStopped: stop.signal.aborted }
  }
  const eight = (report: { eventLoopLagMs: number; rssMb: number }) => Array.from({ length: 8 }, () => report)

  test('goes on while its gateway is well', () => {
    expect(endingAfter(eight({ eventLoopLagMs: 20, rssMb: 120 }))).toEqual({
      ending: { kind: 'whole' },
      isStopped: false,
    })
  })

  test('is aborted when the gateway has been over a bound all the time that the condition asks for', () => {
    const { ending, isStopped } = endingAfter(eight({ eventLoopLagMs: 20, rssMb: 1_500 }))
    expect(isStopped).toBe(true)
    expect(ending).toMatchObject({ kind: 'aborted', because: expect.stringContaining('rss-mb above 1000') })
  })

  test('is not aborted by a passing peak, nor by silence', () => {
    const peak = [{ eventLoopLagMs: 9_000, rssMb: 100 }, ...eight({ eventLoopLagMs: 5, rssMb: 100 })]
    expect(endingAfter(peak).isStopped).toBe(false)
    expect(endingAfter([]).isStopped).toBe(false)
  })

  test('is interrupted by a signal, and says by which', () => {
    const interrupt = new AbortController()
    const stop = stopWhen(recordOf([]), running, interrupt.signal)
    interrupt.abort('SIGTERM')
    expect(stop.ending()).toEqual({ kind: 'interrupted', by: 'SIGTERM' })
    stop.dispose()
  })

  test('ends in error when its load generator dies', async () => {
    const dead = {
      finished: Promise.reject(new Error('the load generator ended early')),
    } as unknown as LoadDriver
    const stop = stopWhen(recordOf([]), dead, nobody)
    await Promise.resolve()
    expect(stop.ending()).toEqual({ kind: 'error', because: 'the load generator ended early' })
    stop.dispose()
  })
})
