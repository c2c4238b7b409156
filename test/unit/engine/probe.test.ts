import { describe, expect, test } from 'vitest'
import { type Fault, outage, pause, toxic } from '../../../chaos/fault.ts'
import { bandwidth, latency, limitData, resetPeer, slicer, slowClose, timeout } from '../../../chaos/toxic.ts'
import { type Exchange, expectationOf } from '../../../scenarios/engine/expectation.ts'

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
  ['limit_data', toxic(limitData({ bytes: 500 })), { ending: 'closed', bytes: 300 }],
  ['an outage', outage(), { ending: 'refused' }],
  ['a pause', pause('origin'), { ending: 'silent' }],
]

describe('a probe', () => {
  test.each(shown)('proves %s by what it saw', (_, fault, seen) => {
    expect(expectationOf(fault).isMet({ ...calm, ...seen })).toBe(true)
  })

  test.each(shown)('does not take a calm exchange for %s', (_, fault) => {
    expect(expectationOf(fault).isMet(calm)).toBe(false)
  })

  test('does not take a short body for a narrow line', () => {
    const narrow = toxic(bandwidth({ kilobytesPerSecond: 20 }))
    expect(expectationOf(narrow).isMet({ ...calm, bytes: 200 })).toBe(false)
  })

  test('before the fault wants an answer, in time', () => {
    expect(expectationOf(undefined).isMet(calm)).toBe(true)
    expect(expectationOf(undefined).isMet(dead)).toBe(false)
    expect(expectationOf(undefined).isMet({ ...calm, totalMs: 1_500 })).toBe(false)
  })
})
