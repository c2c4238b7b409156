import { describe, expect, test } from 'vitest'
import { GUARD_NAMES, type GuardName } from '../../../src/guards/guard.ts'
import { loadShedding } from '../../../src/load-shedding.ts'
import { watchEventLoopLag } from '../../../src/telemetry/event-loop-lag.ts'

/** Sheds or not, with the event loop so late. */
function isShed(lagMs: number, guards: readonly GuardName[] = GUARD_NAMES, shedLagMs = 200): boolean {
  const none = () => {}
  const lag = {
    at: () => lagMs,
    recent: () => 60_000,
    reader: () => expect.fail(),
    forget: none,
    close: none,
  }
  try {
    loadShedding({ guards, shedLagMs }, lag)(1_000)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'overloaded', status: 503, retryAfterMs: 1_000 })
    return true
  }
}

describe('the lag of the event loop', () => {
  const STALL_MS = 80

  test('is forgotten with what kept the loop busy before anybody waited', async () => {
    const lag = watchEventLoopLag()
    const stallEnds = performance.now() + STALL_MS
    while (performance.now() < stallEnds);
    expect(lag.at(performance.now())).toBeGreaterThan(STALL_MS / 2)
    lag.forget()
    expect([lag.at(performance.now()), lag.recent()]).toEqual([0, 0])
    // The timer of before the stall is due in this turn: neither does it tell of the stall.
    await new Promise(setImmediate)
    expect(lag.at(performance.now())).toBeLessThan(STALL_MS / 2)
    lag.close()
  })
})

describe('load is shed', () => {
  test('of a request that the event loop comes to too late, whatever was the lag before', () => {
    expect([isShed(0), isShed(200), isShed(201)]).toEqual([false, false, true])
  })

  test('never where that is off, nor of a gateway without guards', () => {
    expect([isShed(60_000, GUARD_NAMES, 0), isShed(60_000, [])]).toEqual([false, false])
  })
})
