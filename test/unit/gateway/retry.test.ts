import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { epochNow } from '../../../src/epoch-now.ts'
import { GatewayError, type RefusalCode } from '../../../src/errors.ts'
import type { BreakerState } from '../../../src/guards/breaker.ts'
import type { BodySource, GatewayResponse } from '../../../src/guards/guard.ts'
import { retry } from '../../../src/guards/retry.ts'
import { retryBudget } from '../../../src/guards/retry-budget.ts'
import {
  answerOf,
  outcomeOf,
  placesOf,
  requestOf,
  settle,
  teller,
  uploadOf,
} from '../../support/gateway-chain.ts'

const OPTIONS = {
  retryAttempts: 1,
  retryBackoffMs: 30,
  retryBackoffMostMs: 1_000,
  retryBudgetPercent: 10,
  retryBudgetPerSecond: 3,
  hedgeMs: 0,
  bulkheadMax: 64,
  bulkheadClientMax: 0,
}

/** The guard, with a budget and a closed breaker of its own. */
function retryOf(more: Partial<typeof OPTIONS> = {}, tell = (_what: string) => {}, random = Math.random) {
  const options = { ...OPTIONS, ...more }
  const breaker: { state: BreakerState } = { state: 'closed' }
  const state = { budget: retryBudget(options), places: placesOf(), breaker }
  return Object.assign(retry(options, state, tell, random), { breaker })
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** An upstream that goes through this list, one entry a call. */
function scripted(...script: (GatewayResponse | RefusalCode)[]) {
  return vi.fn(async () => {
    const step = script.shift() ?? answerOf()
    if (typeof step === 'string') throw new GatewayError(step, 'as scripted')
    return step
  })
}

/** Runs to the end, pauses included. */
async function finished(promise: Promise<GatewayResponse>) {
  const outcome = outcomeOf(promise)
  await vi.runAllTimersAsync()
  return outcome
}

describe('what is retried', () => {
  test.each(['upstream-unreachable', 'upstream-reset', 'attempt-timeout'] as const)(
    '%s, once',
    async code => {
      const next = scripted(code)
      expect(await finished(retryOf()(requestOf(), next))).toBe(200)
      expect(next).toHaveBeenCalledTimes(2)
    },
  )

  test.each([502, 503, 504])('an answer of %i, once', async status => {
    const next = scripted(answerOf(status), answerOf(status))
    expect(await finished(retryOf()(requestOf(), next))).toBe(status)
    expect(next).toHaveBeenCalledTimes(2)
  })
})

describe('what is not retried', () => {
  test.each([200, 404, 429, 500, 501])('an answer of %i', async status => {
    const next = scripted(answerOf(status))
    expect(await finished(retryOf()(requestOf(), next))).toBe(status)
    expect(next).toHaveBeenCalledOnce()
  })

  test.each(['upstream-invalid', 'upstream-malformed', 'client-gone', 'deadline-exceeded'] as const)(
    '%s',
    async code => {
      const next = scripted(code)
      expect(await finished(retryOf()(requestOf(), next))).toBe(code)
      expect(next).toHaveBeenCalledOnce()
    },
  )

  test.each(['POST', 'PATCH'])('a %s', async method => {
    const next = scripted('upstream-reset')
    expect(await finished(retryOf()(requestOf({ method }), next))).toBe('upstream-reset')
    expect(next).toHaveBeenCalledOnce()
  })

  test('what had a body', async () => {
    const next = scripted('upstream-reset')
    const request = requestOf({ method: 'PUT', body: uploadOf() })
    expect(await finished(retryOf()(request, next))).toBe('upstream-reset')
    expect(next).toHaveBeenCalledOnce()
  })

  test('what the breaker has given up meanwhile', async () => {
    const next = scripted('upstream-reset')
    const guard = retryOf()
    guard.breaker.state = 'open'
    expect(await finished(guard(requestOf(), next))).toBe('upstream-reset')
    expect(next).toHaveBeenCalledOnce()
  })

  test.each([answerOf(503), 'upstream-reset'] as const)(
    'what the breaker gives up in the pause: %#, which is then the answer',
    async failure => {
      const { tell, told } = teller()
      const next = scripted(failure)
      const guard = retryOf({}, tell, () => 1)
      const outcome = outcomeOf(guard(requestOf(), next))
      await vi.advanceTimersByTimeAsync(OPTIONS.retryBackoffMs - 1)
      guard.breaker.state = 'open'
      await vi.advanceTimersByTimeAsync(1)
      expect(await outcome).toBe(typeof failure === 'string' ? failure : 503)
      expect([next.mock.calls.length, told.retried]).toEqual([1, undefined])
    },
  )

  test('what would begin after the deadline', async () => {
    const request = requestOf({}, 400)
    vi.advanceTimersByTime(380)
    const next = scripted('upstream-reset')
    const guard = retryOf(
      {},
      () => {},
      () => 0.9,
    )
    expect(await finished(guard(request, next))).toBe('upstream-reset')
    expect(next).toHaveBeenCalledOnce()
  })
})

describe('an upstream that asks to be left alone', () => {
  const asking = (retryAfter: string) => scripted(answerOf(503, '', ['retry-after', retryAfter]))

  test('for seconds is left alone for so many seconds', async () => {
    const next = asking(' 2')
    const outcome = outcomeOf(retryOf()(requestOf({}, 5_000), next))
    await vi.advanceTimersByTimeAsync(1_999)
    expect(next).toHaveBeenCalledOnce()
    await vi.advanceTimersByTimeAsync(1)
    expect(await outcome).toBe(200)
  })

  test('until a date is left alone until then', async () => {
    vi.setSystemTime(0)
    const next = asking(new Date(epochNow() + 3_000).toUTCString())
    const outcome = outcomeOf(retryOf()(requestOf({}, 5_000), next))
    // A date has no milliseconds.
    await vi.advanceTimersByTimeAsync(1_990)
    expect(next).toHaveBeenCalledOnce()
    await vi.advanceTimersByTimeAsync(1_010)
    expect(await outcome).toBe(200)
  })

  test.each(['0', 'Thu, 01 Jan 1970 00:00:00 GMT', 'soon', ''])(
    'for %j is asked after the usual pause',
    async value => {
      const next = asking(value)
      const outcome = outcomeOf(retryOf()(requestOf({}, 400), next))
      await vi.advanceTimersByTimeAsync(OPTIONS.retryBackoffMs)
      expect(await outcome).toBe(200)
    },
  )

  test.each([
    ['for longer than the deadline leaves', '1', 400],
    ['for so long that nobody should hold a place for it', '11', Number.POSITIVE_INFINITY],
    ['for ever', '99999999999999999999', Number.POSITIVE_INFINITY],
  ])('%s is not asked again', async (_what, value, deadlineMs) => {
    const next = asking(value)
    expect(await finished(retryOf()(requestOf({}, deadlineMs), next))).toBe(503)
    expect(next).toHaveBeenCalledOnce()
  })
})

describe('the pause', () => {
  test('doubles with each retry, up to the longest, and is a random share of that', async () => {
    const more = { retryAttempts: 5, retryBackoffMs: 30, retryBackoffMostMs: 100, retryBudgetPerSecond: 100 }
    const next = scripted(...Array.from({ length: 5 }, () => 'upstream-reset' as const))
    const calledAt: number[] = []
    const begunAt = performance.now()
    const noting = () => {
      calledAt.push(performance.now() - begunAt)
      return next()
    }
    expect(
      await finished(
        retryOf(
          more,
          () => {},
          () => 0.5,
        )(requestOf(), noting),
      ),
    ).toBe(200)
    expect(calledAt).toEqual([0, 15, 15 + 30, 45 + 50, 95 + 50, 145 + 50])
  })

  test.each([0.1, 0.5, 0.9])('is a random share of the longest: %d', async share => {
    const next = scripted('upstream-reset')
    const outcome = outcomeOf(
      retryOf(
        {},
        () => {},
        () => share,
      )(requestOf(), next),
    )
    await settle()
    await vi.advanceTimersByTimeAsync(share * OPTIONS.retryBackoffMs - 1)
    expect(next).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(next).toHaveBeenCalledTimes(2)
    expect(await outcome).toBe(200)
  })

  test('keeps the failed answer, and lets go of it when nobody waits any more', async () => {
    const abort = vi.fn()
    const body: BodySource = { pipe: () => {}, resume: () => {}, onEnd: () => {}, abort }
    const request = requestOf()
    const outcome = outcomeOf(
      retryOf(
        {},
        () => {},
        () => 0.5,
      )(request, scripted({ ...answerOf(503), body })),
    )
    await settle()
    expect(abort).not.toHaveBeenCalled()
    request.cancel(new GatewayError('client-gone', 'left'))
    expect(await outcome).toBe('client-gone')
    expect(abort).toHaveBeenCalledOnce()
  })

  test('ends when nobody waits any more', async () => {
    const request = requestOf()
    const next = scripted('upstream-reset')
    const outcome = outcomeOf(
      retryOf(
        {},
        () => {},
        () => 0.5,
      )(request, next),
    )
    await settle()
    request.cancel(new GatewayError('client-gone', 'left'))
    expect(await outcome).toBe('client-gone')
    expect(vi.getTimerCount()).toBe(0)
    expect(next).toHaveBeenCalledOnce()
  })
})

describe('the budget', () => {
  const burst = async (guard: ReturnType<typeof retryOf>, requests: number) => {
    let calls = 0
    for (let count = 0; count < requests; count += 1) {
      await finished(
        guard(requestOf(), async () => {
          calls += 1
          throw new GatewayError('upstream-reset', 'always')
        }),
      )
    }
    return calls - requests
  }

  test('is a tenth of the requests beside three a second', async () => {
    const { tell, told } = teller()
    const retries = await burst(
      retryOf({}, tell, () => 0),
      1_000,
    )
    // 100 for the requests, 3 to begin with; the clock stands still but for timers of 0 ms, at most 1 ms each.
    expect(retries).toBeGreaterThanOrEqual(102)
    expect(retries).toBeLessThanOrEqual(107)
    expect(told.retried).toBe(retries)
    expect(told['over-budget']).toBe(1_000 - retries)
  })

  test('fills with time', async () => {
    const guard = retryOf(
      { retryBudgetPercent: 0 },
      () => {},
      () => 0,
    )
    expect(await burst(guard, 10)).toBe(3)
    vi.advanceTimersByTime(2_000)
    expect(await burst(guard, 10)).toBe(6)
    vi.advanceTimersByTime(3_600_000)
    expect(await burst(guard, 100)).toBe(30)
  })

  test.each([
    ['one in twenty', 20, 1],
    ['twenty in a row of four hundred', 400, 20],
  ])(
    'of a tenth of the requests alone is enough for a twentieth of failures: %s',
    async (_what, of, inARow) => {
      const { tell, told } = teller()
      const guard = retryOf({ retryBudgetPerSecond: 0 }, tell, () => 0)
      for (let count = 1; count <= 4_000; count += 1) {
        const next = count % of >= of - inARow ? scripted('upstream-reset') : scripted()
        expect(await finished(guard(requestOf(), next))).toBe(200)
      }
      expect([told.retried, told['over-budget']]).toEqual([200, undefined])
    },
  )

  test('of a share forgives the first failure, too, and keeps no more than a thousand requests earn', async () => {
    const guard = retryOf(
      { retryBudgetPerSecond: 0 },
      () => {},
      () => 0,
    )
    expect(await burst(guard, 5)).toBe(1)
    for (let count = 0; count < 5_000; count += 1) await guard(requestOf(), async () => answerOf())
    // A hundred from before, and a tenth of those that fail now.
    expect(await burst(guard, 1_000)).toBeGreaterThanOrEqual(199)
    expect(await burst(guard, 100)).toBeLessThanOrEqual(11)
  })

  test('of nothing allows nothing', async () => {
    const guard = retryOf({ retryBudgetPercent: 0, retryBudgetPerSecond: 0 })
    expect(await burst(guard, 10)).toBe(0)
  })
})
