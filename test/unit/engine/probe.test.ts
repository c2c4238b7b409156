import { describe, expect, test } from 'vitest'
import { type Fault, outage, pause, toxic } from '../../../chaos/fault.ts'
import {
  bandwidth,
  closeAfter,
  latency,
  limitData,
  logNormalLatency,
  normalLatency,
  paretoLatency,
  recordedLatency,
  resetPeer,
  sharedBandwidth,
  slicer,
  slowAccept,
  slowClose,
  timeout,
} from '../../../chaos/toxic.ts'
import { tenthsOf } from '../../../scenarios/engine/drawn-latency.ts'
import { type Exchange, expectationOf } from '../../../scenarios/engine/expectation.ts'

/** The longest that a probe took before the fault. */
const CALM_MS = 45
const calm: Exchange = { ending: 'answered', firstByteMs: 30, totalMs: 31, bytes: 20_000 }
const dead: Exchange = { ending: 'closed', firstByteMs: Number.NaN, totalMs: 2, bytes: 0 }

/** Every fault that a probe can prove, and an exchange that shows it. */
const shown: [string, Fault, Partial<Exchange>][] = [
  ['latency', toxic(latency({ latencyMs: 2_000 })), { firstByteMs: 2_003, totalMs: 2_004 }],
  ['latency with jitter', toxic(latency({ latencyMs: 500, jitterMs: 100 })), { firstByteMs: 402 }],
  ['bandwidth', toxic(bandwidth({ kilobytesPerSecond: 20 })), { firstByteMs: 120, totalMs: 1_000 }],
  ['a stall', toxic(bandwidth({ kilobytesPerSecond: 0 })), { ending: 'silent' }],
  ['slow_close', toxic(slowClose({ delayMs: 300 })), { totalMs: 331 }],
  ['slicer', toxic(slicer({ averageBytes: 100, delayUs: 1_000 })), { totalMs: 230 }],
  ['timeout', toxic(timeout({ timeoutMs: 100 })), { ending: 'closed' }],
  ['reset_peer', toxic(resetPeer()), { ending: 'reset' }],
  ['bandwidth_shared', toxic(sharedBandwidth({ kilobytesPerSecond: 20 })), { totalMs: 1_000 }],
  ['slow_accept', toxic(slowAccept({ delayMs: 300 })), { firstByteMs: 331 }],
  ['close_after', toxic(closeAfter({ afterMs: 300 })), { ending: 'closed', totalMs: 302 }],
  ['latency_normal', toxic(normalLatency({ meanMs: 300, deviationMs: 50 })), { firstByteMs: 240 }],
  ['latency_recorded', toxic(recordedLatency({ samplesMs: [90, 100] })), { firstByteMs: 92 }],
  ['limit_data', toxic(limitData({ bytes: 500 })), { ending: 'closed', bytes: 300 }],
  ['an outage', outage(), { ending: 'refused' }],
  ['a pause', pause('origin'), { ending: 'silent' }],
]

describe('a probe', () => {
  test.each(shown)('proves %s by what it saw', (_, fault, seen) => {
    expect(expectationOf(fault, CALM_MS).isMet({ ...calm, ...seen })).toBe(true)
  })

  test.each(shown)('does not take a calm exchange for %s', (_, fault) => {
    expect(expectationOf(fault, CALM_MS).isMet(calm)).toBe(false)
  })

  test('does not take a short body for a narrow line', () => {
    const narrow = toxic(bandwidth({ kilobytesPerSecond: 20 }))
    expect(expectationOf(narrow).isMet({ ...calm, bytes: 200 })).toBe(false)
  })

  test.each([toxic(normalLatency({ meanMs: 20, deviationMs: 5 })), toxic(slowAccept({ delayMs: 20 }))])(
    'does not take for a fault what was as slow before it: $toxic.type',
    fault => {
      const slow = { ...calm, firstByteMs: 44 }
      expect(expectationOf(fault, CALM_MS).isMet(slow)).toBe(false)
      expect(expectationOf(fault, 30).isMet(slow)).toBe(true)
    },
  )

  test('proves no drawn latency where there was no baseline to compare it with', () => {
    const expectation = expectationOf(toxic(normalLatency({ meanMs: 2_000, deviationMs: 0 })))
    expect(expectation.isMet({ ...calm, firstByteMs: 2_020 })).toBe(false)
    expect(expectation.words).toContain('a baseline to compare it with')
  })

  test('does not take a connection that closed early, or late, for one that was closed at its age', () => {
    const expectation = expectationOf(toxic(closeAfter({ afterMs: 300 })))
    for (const totalMs of [299, 1_301]) {
      expect(expectation.isMet({ ...calm, ending: 'closed', totalMs })).toBe(false)
    }
    expect(expectation.isMet({ ...calm, ending: 'open', totalMs: 1_300 })).toBe(false)
  })

  test('of a drawn latency has to bite half of the time, one of a share of connections once, any other always', () => {
    const drawn = normalLatency({ meanMs: 300, deviationMs: 50 })
    expect(expectationOf(toxic(drawn), CALM_MS).needs).toBe('half')
    expect(expectationOf(toxic({ ...drawn, toxicity: 0.5 }), CALM_MS).needs).toBe('one')
    expect(expectationOf(toxic(latency({ latencyMs: 5 }))).needs).toBe('all')
    expect(expectationOf(toxic(latency({ latencyMs: 5, toxicity: 0.5 }))).needs).toBe('one')
  })

  test('before the fault wants an answer, in time', () => {
    expect(expectationOf(undefined).isMet(calm)).toBe(true)
    expect(expectationOf(undefined).isMet(dead)).toBe(false)
    expect(expectationOf(undefined).isMet({ ...calm, totalMs: 1_500 })).toBe(false)
  })
})

describe('nine in ten draws of a latency', () => {
  test.each([
    [normalLatency({ meanMs: 400, deviationMs: 100 }), { low: 271.84, high: 528.16 }],
    [logNormalLatency({ medianMs: 100, p99Ms: 1_000 }), { low: 28.13, high: 355.52 }],
    [paretoLatency({ leastMs: 100, p99Ms: 1_000 }), { low: 105.41, high: 316.23 }],
    [recordedLatency({ samplesMs: [9, 8, 7, 6, 5, 4, 3, 2, 1, 10] }), { low: 2, high: 9 }],
    [recordedLatency({ samplesMs: [7] }), { low: 7, high: 7 }],
  ])('are at least, and at most: $type', (toxic, { low, high }) => {
    const tenths = tenthsOf(toxic as Parameters<typeof tenthsOf>[0])
    expect(tenths.low).toBeCloseTo(low, 1)
    expect(tenths.high).toBeCloseTo(high, 1)
  })
})
