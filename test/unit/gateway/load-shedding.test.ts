import { describe, expect, test } from 'vitest'
import { GUARD_NAMES, type GuardName } from '../../../src/guards/guard.ts'
import { loadShedding } from '../../../src/load-shedding.ts'

/** Sheds or not, with the event loop so late. */
function isShed(lagMs: number, guards: readonly GuardName[] = GUARD_NAMES, shedLagMs = 200): boolean {
  const lag = { at: () => lagMs, recent: () => 60_000, reader: () => expect.fail(), close: () => {} }
  try {
    loadShedding({ guards, shedLagMs }, lag)(1_000)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'overloaded', status: 503, retryAfterMs: 1_000 })
    return true
  }
}

describe('load is shed', () => {
  test('of a request that the event loop comes to too late, whatever was the lag before', () => {
    expect([isShed(0), isShed(200), isShed(201)]).toEqual([false, false, true])
  })

  test('never where that is off, nor of a gateway without guards', () => {
    expect([isShed(60_000, GUARD_NAMES, 0), isShed(60_000, [])]).toEqual([false, false])
  })
})
