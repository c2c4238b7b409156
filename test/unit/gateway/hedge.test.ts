import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import type { BreakerState } from '../../../src/guards/breaker.ts'
import type { GatewayResponse } from '../../../src/guards/guard.ts'
import type { Places } from '../../../src/guards/places.ts'
import { retry } from '../../../src/guards/retry.ts'
import { retryBudget } from '../../../src/guards/retry-budget.ts'
import {
  answerOf,
  CLIENT,
  heldUpstream,
  outcomeOf,
  placesOf,
  requestOf,
  settle,
  teller,
} from '../../support/gateway-chain.ts'

const OPTIONS = {
  retryAttempts: 0,
  retryBackoffMs: 0,
  retryBackoffMostMs: 0,
  retryBudgetPercent: 0,
  retryBudgetPerSecond: 3,
  hedgeMs: 50,
  bulkheadMax: 64,
  bulkheadClientMax: 0,
}

let upstream: ReturnType<typeof heldUpstream>
let told: Record<string, number>
let breaker: { state: BreakerState }
let places: Places
let guard: ReturnType<typeof retry>
beforeEach(() => {
  vi.useFakeTimers()
  useGuard()
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function useGuard(more: Partial<typeof OPTIONS> = {}): void {
  const options = { ...OPTIONS, ...more }
  const counting = teller()
  upstream = heldUpstream()
  told = counting.told
  breaker = { state: 'closed' }
  // As the bulkhead would: the request itself has the first place.
  places = placesOf()
  places.take(options, CLIENT)
  guard = retry(options, { budget: retryBudget(options), places, breaker }, counting.tell, () => 0)
}

const ask = (method = 'GET') => guard(requestOf({ method }), upstream.next)
const wait = async (ms: number) => {
  vi.advanceTimersByTime(ms)
  await settle()
}

describe('a read that is late', () => {
  test('is asked for a second time, once; the first good answer wins, and the other call is cancelled', async () => {
    const answer = ask()
    await wait(49)
    expect(upstream.calls.length).toBe(1)
    await wait(1)
    expect([upstream.calls.length, places.taken]).toEqual([2, 2])
    await wait(1_000)
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.resolve(answerOf(200, 'the second'))
    expect((await answer).body).toEqual(Buffer.from('the second'))
    expect(upstream.calls[0]?.request.cancelled?.code).toBe('superseded')
    expect([upstream.running.size, places.taken]).toEqual([0, 1])
    expect(told).toEqual({ hedged: 1 })
  })

  test('may still be answered by its first attempt', async () => {
    const answer = ask()
    await wait(50)
    upstream.calls[0]?.resolve(answerOf(404))
    expect((await answer).status).toBe(404)
    expect(upstream.calls[1]?.request.cancelled?.code).toBe('superseded')
    expect([upstream.running.size, places.taken]).toEqual([0, 1])
  })

  test('is not asked for again once its header has come', async () => {
    const answer = ask()
    upstream.calls[0]?.request.fork().noteAnswer()
    await wait(1_000)
    expect(upstream.calls.length).toBe(1)
    upstream.calls[0]?.resolve(answerOf())
    await answer
    expect(told).toEqual({})
  })

  test('whose client has left ends both attempts', async () => {
    const request = requestOf()
    const outcome = outcomeOf(guard(request, upstream.next))
    await wait(50)
    request.cancel(new GatewayError('client-gone', 'left'))
    expect(await outcome).toBe('client-gone')
    expect([upstream.running.size, places.taken]).toEqual([0, 1])
  })
})

describe('a failure', () => {
  const reset = () => new GatewayError('upstream-reset', 'gone')

  test('before the second attempt is the outcome', async () => {
    const outcome = outcomeOf(ask())
    upstream.calls[0]?.reject(reset())
    expect(await outcome).toBe('upstream-reset')
    await wait(1_000)
    expect(upstream.calls.length).toBe(1)
  })

  test.each([0, 1])('of one attempt (%i) waits for the other', async failing => {
    const outcome = outcomeOf(ask())
    await wait(50)
    upstream.calls[failing]?.reject(reset())
    await settle()
    expect(places.taken).toBe(1)
    upstream.calls[1 - failing]?.resolve(answerOf())
    expect(await outcome).toBe(200)
  })

  test.each([500, 503])('told by a %i waits for the other, too, and its body is ended', async status => {
    const abort = vi.fn()
    const body = { pipe: () => {}, resume: () => {}, abort, onEnd: () => {} }
    const outcome = outcomeOf(ask())
    await wait(50)
    upstream.calls[0]?.resolve({ status, headers: [], body })
    await settle()
    expect(abort).toHaveBeenCalledOnce()
    upstream.calls[1]?.resolve(answerOf())
    expect(await outcome).toBe(200)
  })

  test('of both is the outcome', async () => {
    const outcome = outcomeOf(ask())
    await wait(50)
    upstream.calls[1]?.reject(reset())
    upstream.calls[0]?.resolve(answerOf(503))
    expect(await outcome).toBe(503)
    expect([upstream.running.size, places.taken]).toEqual([0, 1])
  })
})

describe('there is no second attempt', () => {
  const isNotHedged = async (method?: string) => {
    const outcome = outcomeOf(ask(method))
    await wait(1_000)
    expect(upstream.calls.length).toBe(1)
    upstream.calls[0]?.resolve(answerOf())
    expect(await outcome).toBe(200)
  }

  test.each(['PUT', 'DELETE', 'OPTIONS', 'POST'])('of a %s', isNotHedged)

  test('where it is not asked for', async () => {
    useGuard({ hedgeMs: 0 })
    await isNotHedged()
  })

  test.each(['open', 'half-open'] as const)('while the breaker is %s', async state => {
    breaker.state = state
    await isNotHedged()
    expect(places.taken).toBe(1)
  })

  test('where the bulkhead has no place for it', async () => {
    useGuard({ bulkheadMax: 1 })
    await isNotHedged()
    expect(places.taken).toBe(1)
  })

  test('where its client has all the places that it may have', async () => {
    useGuard({ bulkheadClientMax: 1 })
    await isNotHedged()
    expect(places.taken).toBe(1)
  })

  test('over the budget, which retries and hedges share', async () => {
    useGuard({ retryAttempts: 1, retryBudgetPerSecond: 2 })
    const retried = outcomeOf(ask())
    upstream.calls[0]?.reject(new GatewayError('upstream-reset', 'gone'))
    await settle()
    await wait(1)
    upstream.calls[1]?.resolve(answerOf())
    expect(await retried).toBe(200)
    const hedged = ask()
    await wait(50)
    upstream.calls[3]?.resolve(answerOf())
    await hedged
    const late: Promise<GatewayResponse> = ask()
    // Two of two are spent, and little of a second has passed.
    await wait(50)
    expect(upstream.calls.length).toBe(5)
    upstream.calls[4]?.resolve(answerOf())
    await late
    expect(told).toEqual({ retried: 1, hedged: 1, 'over-budget': 1 })
  })
})
