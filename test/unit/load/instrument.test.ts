import { describe, expect, test } from 'vitest'
import { defaultInFlightCap } from '../../../scenarios/engine/load/arm.ts'
import { endingOf } from '../../../scenarios/engine/load/exchange.ts'
import { isInsideGate, LagRecorder } from '../../../scenarios/engine/load/lag.ts'
import { ObservationLog, sortedByDue } from '../../../scenarios/engine/load/observation-log.ts'

describe('the lag', () => {
  test('is kept to 3 digits in microseconds', () => {
    const lag = new LagRecorder()
    for (let tenth = 1; tenth <= 1_000; tenth++) lag.record(tenth / 10)
    const { samples, p50, p99, max } = lag.percentiles()
    expect(samples).toBe(1_000)
    expect(p50).toBeCloseTo(50, 1)
    expect(p99).toBeCloseTo(99, 0)
    expect(max).toBeCloseTo(100, 0)
  })

  test('of nothing is null', () => {
    expect(new LagRecorder().percentiles()).toEqual({
      samples: 0,
      p50: null,
      p95: null,
      p99: null,
      max: null,
    })
  })

  test('is inside the gate up to p50 2 ms and p99 10 ms, with nothing dropped and something sent', () => {
    const lag = { samples: 100, p50: 2, p95: 5, p99: 10, max: 40 }
    expect(isInsideGate(lag, 0)).toBe(true)
    expect(isInsideGate({ ...lag, p50: 2.1 }, 0)).toBe(false)
    expect(isInsideGate({ ...lag, p99: 10.1 }, 0)).toBe(false)
    expect(isInsideGate(lag, 1)).toBe(false)
    expect(isInsideGate({ samples: 0, p50: null, p95: null, p99: null, max: null }, 0)).toBe(false)
  })
})

describe('the cap on requests in flight', () => {
  test('is what a hanging upstream holds until the deadline, with room for chance, but at least 200', () => {
    expect(defaultInFlightCap(200, 500)).toBe(200)
    expect(defaultInFlightCap(400, 500)).toBe(285)
    expect(defaultInFlightCap(10_000, 500)).toBe(6_000)
  })
})

describe('how an error reads on the wire', () => {
  test.each([
    ['ECONNREFUSED', 'refused'],
    ['UND_ERR_CONNECT_TIMEOUT', 'refused'],
    ['ECONNRESET', 'reset'],
    ['EPIPE', 'reset'],
    ['UND_ERR_SOCKET', 'closed'],
    ['HPE_INVALID_CONSTANT', 'closed'],
  ] as const)('%s is %s', (code, ending) => {
    expect(endingOf(Object.assign(new Error('it broke'), { code }))).toBe(ending)
  })
})

describe('the log of observations', () => {
  const row = (index: number) => ({
    index,
    dueMs: index * 10,
    sentMs: index * 10 + 1,
    endedMs: index * 10 + 5,
    isRead: index % 2 === 0,
    key: index + 1,
    status: 200,
    ending: 'ok' as const,
    outcome: 'cached' as const,
    ageMs: index === 3 ? Number.NaN : 7,
    isCollapsed: false,
  })

  test('grows past its first size and loses nothing, over the wire and back in order', () => {
    const [sender, keeper] = [new ObservationLog(), new ObservationLog()]
    const count = 3_000
    for (let index = count - 1; index >= 0; index--) {
      sender.push(row(index))
      if (index % 700 === 0) keeper.append(sender.take())
    }
    const rows = sortedByDue(keeper.columns())
    expect(sender.count).toBe(0)
    expect(keeper.count).toBe(count)
    expect([...rows.index]).toEqual(Array.from({ length: count }, (_, index) => index))
    expect(rows.dueMs[2_999]).toBe(29_990)
    expect(rows.ageMs[3]).toBeNaN()
    expect([rows.isRead[3], rows.ending[3], rows.outcome[3]]).toEqual([0, 0, 1])
  })
})
