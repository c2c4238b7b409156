// The first tests of any load generator: what it says must be what theory says.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, describe, expect, test } from 'vitest'
import type { LoadInstrument } from '../../../scenarios/engine/load/messages.ts'
import { percentiles } from '../../../scenarios/engine/measure/statistics.ts'
import { countBy, latenciesMs, planFor, runLoadHere, runLoadProcess } from '../../support/load-run.ts'
import { type OddServer, startOddServer } from '../../support/odd-server-process.ts'

/** What a busy two-core machine may add to a middling time. */
const MEDIAN_TOLERANCE_MS = 15
/** What it may add to a late one. */
const TAIL_TOLERANCE_MS = 200
/** What a server that was frozen may take to work through its backlog. */
const THAW_TOLERANCE_MS = 600

let server: OddServer
afterEach(() => server.close())

describe('a server that always takes exactly 100 ms', () => {
  test('is measured at 100 ms, at the median and in the tail', async () => {
    server = await startOddServer({ behaviours: ['after100'] })
    const schedule = { ratePerSecond: 200, phases: [{ name: 'baseline', durationMs: 3_000 }] }
    const { arms, instrument } = await runLoadProcess(planFor(server.port, { schedule }))
    const latency = percentiles(latenciesMs(arms.sut!))
    expect(latency.samples).toBe(600)
    expect(Math.min(...latenciesMs(arms.sut!))).toBeGreaterThanOrEqual(100)
    expect(latency.p50).toBeLessThan(100 + MEDIAN_TOLERANCE_MS)
    expect(latency.p95).toBeLessThan(100 + TAIL_TOLERANCE_MS)
    expect(countBy(arms.sut!, 'ending')).toEqual({ ok: 600 })
    expect(instrument).toMatchObject({ scheduled: 600, sent: 600, dropped: 0, stoppedAtMs: null })
  })
})

describe('a server that freezes for 2 s once, under 200 requests a second for 8 s', () => {
  // Evenly spaced arrivals during a freeze of F wait what is left of it, so a share (F - x) / D of all waits longer
  // than x: the quantile q lies at F - (1 - q) D where that is positive, plus the service time of 5 ms.
  const durationMs = 8_000
  const freezeMs = 2_000
  const serviceMs = 5
  const theoryMs = (q: number) => Math.max(0, freezeMs - (1 - q) * durationMs) + serviceMs
  const schedule = { ratePerSecond: 200, phases: [{ name: 'baseline', durationMs }] }

  test('shows p50 5 ms, p95 1.6 s, p99 1.9 s: nobody stops asking because nobody answers', async () => {
    server = await startOddServer({ behaviours: ['after5'], freeze: { afterMs: 3_000, forMs: freezeMs } })
    const plan = planFor(server.port, { clientDeadlineMs: 5_000, schedule })
    const { arms, instrument } = await runLoadProcess(plan)
    const latency = percentiles(latenciesMs(arms.sut!))
    expect([theoryMs(0.5), theoryMs(0.95), theoryMs(0.99)].map(Math.round)).toEqual([5, 1_605, 1_925])
    expect(latency.p50).toBeGreaterThanOrEqual(serviceMs)
    expect(latency.p50).toBeLessThan(theoryMs(0.5) + MEDIAN_TOLERANCE_MS)
    expect(Math.abs(latency.p95! - theoryMs(0.95))).toBeLessThan(THAW_TOLERANCE_MS)
    expect(Math.abs(latency.p99! - theoryMs(0.99))).toBeLessThan(THAW_TOLERANCE_MS)
    expect(countBy(arms.sut!, 'ending')).toEqual({ ok: 1_600 })
    expect(instrument.dropped).toBe(0)
  })

  test('keeps each timed-out request with its full wait, for as many as were due in time to miss the deadline', async () => {
    server = await startOddServer({ behaviours: ['after5'], freeze: { afterMs: 1_000, forMs: freezeMs } })
    const plan = planFor(server.port, {
      clientDeadlineMs: 500,
      schedule: { ...schedule, phases: [{ name: 'baseline', durationMs: 5_000 }] },
    })
    const { arms } = await runLoadProcess(plan)
    const rows = arms.sut!
    const { timeout = 0, ok = 0 } = countBy(rows, 'ending')
    // Those due in the first 1.5 s of the freeze, and those that its backlog makes late.
    const theory = ((freezeMs - 500) / 1_000) * 200
    expect(timeout).toBeGreaterThan(theory - (TAIL_TOLERANCE_MS / 1_000) * 200)
    expect(timeout).toBeLessThan(theory + (THAW_TOLERANCE_MS / 1_000) * 200)
    expect(timeout + ok).toBe(1_000)
    const waits = latenciesMs(rows).filter((_, at) => rows.status[at] === 0)
    expect(waits).toHaveLength(timeout)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500)
    expect(percentiles(waits).p50).toBeLessThan(500 + MEDIAN_TOLERANCE_MS)
  })
})

describe('a generator that stalls', () => {
  test('reads the answers that had come before it calls a request timed out', async () => {
    server = await startOddServer({ behaviours: ['after500'] })
    const phases = [{ name: 'baseline', durationMs: 100 }]
    const plan = planFor(server.port, { clientDeadlineMs: 900, schedule: { ratePerSecond: 200, phases } })
    // All have been sent and none answered when it stalls; all are answered and past their deadline when it goes on.
    const stall = setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500), 350)
    const rows = (await runLoadHere(plan)).arms.sut!
    clearTimeout(stall)
    expect(countBy(rows, 'ending')).toEqual({ ok: 20 })
    expect(Math.min(...latenciesMs(rows))).toBeGreaterThan(900)
  })
})

describe('at 1,000 requests a second', () => {
  /** An idle event loop is later than this at its p99 only while other work holds the cores. */
  const QUIET_P99_MS = 3
  const ATTEMPTS = 5

  test('the generator is inside its gate for under half a core, as soon as the machine is quiet', async () => {
    server = await startOddServer({ behaviours: ['fresh'] })
    const phases = [{ name: 'baseline', durationMs: 3_000 }]
    const schedule = { ratePerSecond: 1_000, arrivals: 'poisson' as const, readShare: 0.9, phases }
    const attempts: { instrument: LoadInstrument; isQuiet: boolean }[] = []
    while (attempts.length < ATTEMPTS && !attempts.some(({ instrument }) => instrument.isValid)) {
      const idleLoop = monitorEventLoopDelay({ resolution: 1 })
      idleLoop.enable()
      const plan = planFor(server.port, { isStamped: true, clientDeadlineMs: 500, schedule })
      const { instrument } = await runLoadProcess(plan)
      idleLoop.disable()
      attempts.push({ instrument, isQuiet: idleLoop.percentile(99) / 1e6 <= QUIET_P99_MS })
    }
    // Outside the gate every time is no failure of the generator only where the machine was never quiet.
    const inQuiet = attempts.filter(({ isQuiet }) => isQuiet).map(({ instrument }) => instrument.lagMs)
    const isInside = attempts.some(({ instrument }) => instrument.isValid)
    expect(isInside ? [] : inQuiet).toEqual([])
    for (const { instrument } of attempts) {
      expect(instrument.sent + instrument.dropped).toBe(instrument.scheduled)
      expect(instrument.scheduled).toBeGreaterThan(2_800)
      // A quarter in a long run; in 3 s, compiling the code is a good part of it.
      expect(instrument.cpuShare).toBeLessThan(0.5)
    }
  }, 40_000)
})
