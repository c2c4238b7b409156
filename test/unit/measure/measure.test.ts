import { describe, expect, test } from 'vitest'
import { type ArmRecord, measureArm, type RunFacts } from '../../../scenarios/engine/measure/measure.ts'
import { observed, steady } from '../../support/observed.ts'

const facts: RunFacts = {
  phases: [
    { name: 'baseline', role: 'baseline', startMs: 0, endMs: 1_000, faults: [] },
    {
      name: 'fault',
      role: 'fault',
      startMs: 1_000,
      endMs: 2_000,
      faults: [{ label: 'latency', injectedAtMs: 1_004, removedAtMs: 2_003 }],
    },
    { name: 'recovery', role: 'recovery', startMs: 2_000, endMs: 7_000, faults: [] },
  ],
  isStamped: true,
  clientDeadlineMs: 500,
  objectives: { goodputRead: 0.99, goodputWrite: 0.9, p95Ms: 100 },
  direct: null,
}

const record: ArmRecord = {
  arm: { name: 'guarded', through: 'gateway', guards: 'all', settings: {} },
  observations: observed(steady(0, 7_000)),
  transitions: [],
  counts: [],
  duplicateWrites: [],
  guards: [],
  settings: {},
  exits: 0,
}

const phaseOf = (overrides: Partial<ArmRecord>, name: string) =>
  measureArm({ ...record, ...overrides }, facts).phases.find(({ phase }) => phase === name)!

describe('the figures of an arm', () => {
  test('count an observation in the phase in which it was due, however late it ended', () => {
    const observations = observed([
      { dueMs: 999, endedMs: 1_490 },
      { dueMs: 1_000, endedMs: 1_020 },
    ])
    expect(phaseOf({ observations }, 'baseline').scheduled).toBe(1)
    expect(phaseOf({ observations }, 'fault').scheduled).toBe(1)
  })

  test('call an answer good only inside the client deadline, counted from when it was due', () => {
    const observations = observed([
      { dueMs: 0, sentMs: 10, endedMs: 500 },
      { dueMs: 5, sentMs: 10, endedMs: 506 },
      { dueMs: 10, outcome: 'shed', status: 503 },
      { dueMs: 15, outcome: 'stale', ageMs: 4_000 },
    ])
    const { goodput } = phaseOf({ observations }, 'baseline')
    expect(goodput.read).toMatchObject({ good: 2, of: 4, value: 0.5 })
  })

  test('keep reads and writes apart', () => {
    const observations = observed([{ dueMs: 0 }, { dueMs: 1, isRead: false, outcome: 'shed' }])
    const { goodput } = phaseOf({ observations }, 'baseline')
    expect([goodput.read.value, goodput.write.value]).toEqual([1, 0])
  })

  test('keep the full wait of a failure in the percentiles of all, and leave it out of the served', () => {
    const observations = observed([
      { dueMs: 0, endedMs: 10 },
      { dueMs: 1, endedMs: 501, outcome: 'timeout', ending: 'timeout' },
    ])
    const phase = phaseOf({ observations }, 'baseline')
    expect(phase.all).toMatchObject({ samples: 2, max: 500 })
    expect(phase.served).toMatchObject({ samples: 1, max: 10 })
  })

  test('take upstream calls from the counts on either side of the phase', () => {
    const count = (atMs: number, upstreamCalls: number) => ({
      atMs,
      upstreamCalls,
      upstreamInFlight: 1,
      upstreamInFlightMax: upstreamCalls / 10,
      eventLoopLagMs: 1,
      rssMb: 80,
    })
    const counts = [count(-50, 10), count(900, 100), count(1_900, 130)]
    expect(phaseOf({ counts }, 'baseline').upstreamCalls).toBe(90)
    expect(phaseOf({ counts }, 'fault')).toMatchObject({ upstreamCalls: 30, upstreamInFlightMax: 13 })
  })

  test('say of what nobody counted that it was not measured', () => {
    expect(phaseOf({}, 'baseline')).toMatchObject({
      upstreamCalls: null,
      upstreamPerRequest: null,
      staleAgeMaxMs: null,
    })
    const unstamped = measureArm(record, { ...facts, isStamped: false }).phases[0]!
    expect(unstamped).toMatchObject({ corrupt: null, wrong: null })
  })

  test('count the time to detect from the fault put in to the first open after it', () => {
    const open = (atMs: number) => ({ atMs, from: 'closed', to: 'open', eventLoopLagMs: 0 }) as const
    expect(measureArm({ ...record, transitions: [open(500), open(1_904)] }, facts).detectMs).toBe(900)
    expect(measureArm({ ...record, transitions: [open(500)] }, facts).detectMs).toBeNull()
  })

  test('compare with the direct arm only the reads that both passed on, pair by pair', () => {
    const direct = observed([
      { dueMs: 0, endedMs: 20 },
      { dueMs: 1, endedMs: 31 },
      { dueMs: 2, endedMs: 12 },
    ])
    const observations = observed([
      { dueMs: 0, endedMs: 22 },
      { dueMs: 1, endedMs: 34 },
      { dueMs: 2, endedMs: 3, outcome: 'cached' },
    ])
    const arm = measureArm({ ...record, observations }, { ...facts, direct })
    expect(arm.phases[0]?.overhead).toEqual({ pairs: 2, p95Ms: 3, medianMs: 2 })
  })
})

describe('recovery', () => {
  const recoveryFrom = (rows: Parameters<typeof observed>[0]) =>
    measureArm({ ...record, observations: observed(rows) }, facts)

  test('is the start of the first 2 s window, from the removal, that meets the objectives', () => {
    const sick = steady(0, 3_003, () => ({ outcome: 'timeout' as const }))
    const well = steady(3_005, 7_000)
    // Removed at 2,003; good from 3,005 on, so the window on the 250 ms grid starts 1,000 ms after.
    expect(recoveryFrom([...sick, ...well]).recoverMs).toBe(1_000)
  })

  test('is not there while writes are still refused, whatever reads say', () => {
    const rows = steady(0, 7_000, dueMs =>
      dueMs % 50 === 0 ? { isRead: false, outcome: 'shed' as const } : {},
    )
    expect(recoveryFrom(rows)).toMatchObject({ recoverMs: null, recoverWithinMs: 2_997 })
  })

  test('is not there while reads are answered stale, though nobody writes', () => {
    const stale = steady(0, 3_003, () => ({ outcome: 'stale' as const, ageMs: 4_000 }))
    expect(recoveryFrom([...stale, ...steady(3_005, 7_000)]).recoverMs).toBe(1_000)
  })

  test('is not there while p95 is over its objective', () => {
    const rows = steady(0, 7_000, dueMs => ({ endedMs: dueMs + 400 }))
    expect(recoveryFrom(rows).recoverMs).toBeNull()
  })
})
