import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import { GatewayError } from '../../../src/errors.ts'
import { type Breaker, type BreakerState, breaker } from '../../../src/guards/breaker.ts'
import { bulkhead } from '../../../src/guards/bulkhead.ts'
import { cache } from '../../../src/guards/cache.ts'
import {
  type BodySource,
  compose,
  type GatewayResponse,
  type Next,
  type Tell,
} from '../../../src/guards/guard.ts'
import { retry } from '../../../src/guards/retry.ts'
import { retryBudget } from '../../../src/guards/retry-budget.ts'
import {
  answerOf,
  CACHE_OPTIONS,
  heldUpstream,
  outcomeOf,
  placesOf,
  requestOf,
  settle,
  teller,
  uploadOf,
} from '../../support/gateway-chain.ts'

const OPTIONS = {
  breakerErrorPercent: 50,
  breakerLeastCalls: 20,
  breakerWindowMs: 2_000,
  breakerResetMs: 2_000,
  slowCallMs: 0,
}

let changes: BreakerState[]
let told: Record<string, number>
let tell: Tell
let made: Breaker
beforeEach(() => {
  vi.useFakeTimers()
  changes = []
  const counting = teller()
  told = counting.told
  tell = counting.tell
  made = breaker(OPTIONS, tell, (_from, to) => changes.push(to))
})
afterEach(() => {
  made.close()
  vi.useRealTimers()
})

function useBreaker(options: Partial<typeof OPTIONS>): void {
  made.close()
  made = breaker({ ...OPTIONS, ...options }, tell, (_from, to) => changes.push(to))
}

const reset = () => new GatewayError('upstream-reset', 'gone')
const through = (next: Next) => outcomeOf(made.guard(requestOf(), next))
const fail = (times: number) =>
  Promise.all(Array.from({ length: times }, () => through(() => Promise.reject(reset()))))
const succeed = (times: number) =>
  Promise.all(Array.from({ length: times }, () => through(async () => answerOf())))

async function trip(): Promise<void> {
  await fail(20)
  expect(made.state).toBe('open')
}

async function halfOpen(): Promise<void> {
  await trip()
  vi.advanceTimersByTime(OPTIONS.breakerResetMs)
  expect(made.state).toBe('half-open')
}

describe('opening', () => {
  test('needs the least number of calls', async () => {
    await fail(19)
    expect(made.state).toBe('closed')
    await fail(1)
    expect(changes).toEqual(['open'])
  })

  test('needs more than the share of failures', async () => {
    await succeed(20)
    await fail(20)
    expect(made.state).toBe('closed')
    await fail(1)
    expect(made.state).toBe('open')
  })

  test('forgets failures that have left the window', async () => {
    await fail(19)
    vi.advanceTimersByTime(OPTIONS.breakerWindowMs + 200)
    await fail(19)
    expect(made.state).toBe('closed')
  })

  test.each([500, 502, 503, 504])('counts an answer of %i as a failure', async status => {
    for (let count = 0; count < 20; count += 1) await through(async () => answerOf(status))
    expect(made.state).toBe('open')
  })

  test.each([400, 404, 429, 501])('does not count an answer of %i', async status => {
    for (let count = 0; count < 40; count += 1) await through(async () => answerOf(status))
    expect(made.state).toBe('closed')
  })

  test('is not delayed by calls under way, nor by calls that proved nothing: they are no successes', async () => {
    const upstream = heldUpstream()
    for (let count = 0; count < 100; count += 1) through(upstream.next)
    for (let count = 0; count < 100; count += 1)
      await through(() => Promise.reject(new GatewayError('client-gone', 'left')))
    await fail(20)
    expect(made.state).toBe('open')
  })

  test('does not count clients that hang up, nor refusals of ours', async () => {
    for (const code of ['client-gone', 'bulkhead-full', 'rate-limited', 'upload-too-slow'] as const) {
      for (let count = 0; count < 20; count += 1) {
        await through(() => Promise.reject(new GatewayError(code, 'ours')))
      }
    }
    expect(made.state).toBe('closed')
  })

  test('counts a streamed answer that breaks off as a failure, though its status was 200', async () => {
    for (let count = 0; count < 20; count += 1) {
      const stream = heldBody()
      await through(async () => ({ status: 200, headers: [], body: stream.body }))
      stream.end(reset())
    }
    await settle()
    expect(made.state).toBe('open')
  })
})

describe('a slow call', () => {
  const slowly = (ms: number, response = answerOf()) =>
    new Promise<GatewayResponse>(resolve => setTimeout(resolve, ms, response))
  const call20 = async (ms: number) => {
    const outcomes = Array.from({ length: 20 }, () => through(() => slowly(ms)))
    vi.advanceTimersByTime(ms)
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([200]))
    await settle()
  }

  test('counts as failed, though its client has a good answer', async () => {
    useBreaker({ slowCallMs: 100 })
    await call20(100)
    expect(made.state).toBe('closed')
    await call20(101)
    expect([made.state, told.slow]).toEqual(['closed', 20])
    await call20(101)
    expect([made.state, told.slow]).toEqual(['open', 40])
  })

  test('counts once: a failure that was slow, too, is one failure', async () => {
    useBreaker({ slowCallMs: 100 })
    const outcomes = Array.from({ length: 19 }, () => through(() => slowly(200, answerOf(503))))
    vi.advanceTimersByTime(200)
    await Promise.all(outcomes)
    await settle()
    expect(made.state).toBe('closed')
  })

  test('is what it takes until its header, where the body streams', async () => {
    useBreaker({ slowCallMs: 100 })
    for (let count = 0; count < 20; count += 1) {
      const stream = heldBody()
      await through(async () => ({ status: 200, headers: [], body: stream.body }))
      vi.advanceTimersByTime(200)
      stream.end(null)
    }
    await settle()
    expect(made.state).toBe('closed')
  })

  test('is not one whose client took its time for its upload: the upstream had its answer soon after', async () => {
    useBreaker({ slowCallMs: 100 })
    const outcomes = Array.from({ length: 20 }, () => {
      const body = uploadOf()
      body.resume()
      setTimeout(() => body.destroy(), 150)
      return made.guard(requestOf({ method: 'POST', body }), () => slowly(250))
    })
    await vi.advanceTimersByTimeAsync(250)
    expect(new Set((await Promise.all(outcomes)).map(({ status }) => status))).toEqual(new Set([200]))
    expect([made.state, told.slow]).toEqual(['closed', undefined])
  })

  test('is not one that stood still before it was asked for again, as the upstream had asked for', async () => {
    useBreaker({ slowCallMs: 300 })
    const retries = { retryAttempts: 1, retryBackoffMs: 30, retryBackoffMostMs: 30, hedgeMs: 0 }
    const limits = { retryBudgetPercent: 0, retryBudgetPerSecond: 100, bulkheadMax: 64, bulkheadClientMax: 0 }
    const state = { budget: retryBudget(limits), places: placesOf(), breaker: made }
    const answers = [150, 151].map(secondMs => {
      const script = [answerOf(503, '', ['retry-after', '1']), answerOf()]
      const upstream: Next = () => slowly(script.length === 2 ? 150 : secondMs, script.shift())
      return compose([made.guard, retry({ ...retries, ...limits }, state, () => {})], upstream)(requestOf())
    })
    await vi.advanceTimersByTimeAsync(1_301)
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
    expect(told.slow).toBe(1)
  })

  test('that probes does not heal', async () => {
    useBreaker({ slowCallMs: 100 })
    await halfOpen()
    const outcome = through(() => slowly(200))
    vi.advanceTimersByTime(200)
    expect(await outcome).toBe(200)
    await settle()
    expect(made.state).toBe('open')
  })

  test('is of no account unless it is asked for', async () => {
    await call20(60_000)
    expect(made.state).toBe('closed')
  })
})

describe('while open', () => {
  test('it refuses with the time that is left, and calls nothing', async () => {
    await trip()
    vi.advanceTimersByTime(500)
    const next = vi.fn(async () => answerOf())
    const error = await made.guard(requestOf(), next).catch(error => error)
    expect(error).toMatchObject({ code: 'breaker-open', status: 503, retryAfterMs: 1_500 })
    expect(next).not.toHaveBeenCalled()
    expect(told.refused).toBe(1)
  })

  test('its refusals do not dilute the rate at which it opens again', async () => {
    useBreaker({ breakerWindowMs: 60_000, breakerResetMs: 500 })
    await trip()
    await succeed(1_000)
    vi.advanceTimersByTime(500)
    await succeed(1)
    expect(made.state).toBe('closed')
    // 20 of 21 calls in the window have failed; with the refusals it would be 20 of 1,021.
    await fail(1)
    expect(made.state).toBe('open')
  })
})

describe('while half-open', () => {
  test('one call probes, the others are refused, and its success closes', async () => {
    await halfOpen()
    const upstream = heldUpstream()
    const probe = outcomeOf(made.guard(requestOf(), upstream.next))
    expect(await outcomeOf(made.guard(requestOf(), upstream.next))).toBe('breaker-open')
    expect(upstream.calls.length).toBe(1)
    upstream.calls[0]?.resolve(answerOf())
    expect(await probe).toBe(200)
    expect(changes).toEqual(['open', 'half-open', 'closed'])
  })

  test('a failed probe opens it again', async () => {
    await halfOpen()
    await fail(1)
    expect(changes).toEqual(['open', 'half-open', 'open'])
  })

  test('a success of a call that began before the trip cannot close it', async () => {
    const upstream = heldUpstream()
    const early = outcomeOf(made.guard(requestOf(), upstream.next))
    await halfOpen()
    upstream.calls[0]?.resolve(answerOf())
    expect(await early).toBe(200)
    expect(made.state).toBe('half-open')
    expect(told['stale-result']).toBe(1)
  })

  test('a failure of a call that began before the trip cannot open it again', async () => {
    const upstream = heldUpstream()
    const early = outcomeOf(made.guard(requestOf(), upstream.next))
    await halfOpen()
    upstream.calls[0]?.reject(reset())
    expect(await early).toBe('upstream-reset')
    expect(made.state).toBe('half-open')
    await succeed(1)
    expect(made.state).toBe('closed')
  })

  test.each(['client-gone', 'client-deadline', 'upload-too-slow', 'bad-request'] as const)(
    'a probe that ends with %s neither closes it nor keeps it from closing: the next request probes at once',
    async code => {
      await halfOpen()
      for (let count = 0; count < 3; count += 1)
        await through(() => Promise.reject(new GatewayError(code, 'proves nothing')))
      expect([made.state, told.probed]).toEqual(['half-open', 3])
      await succeed(1)
      expect(changes).toEqual(['open', 'half-open', 'closed'])
    },
  )

  test('an upload that trickles as its probe gives way after a reset, and what it brings yet is stale', async () => {
    await halfOpen()
    const timers = vi.getTimerCount()
    const upstream = heldUpstream()
    const body = uploadOf()
    body.resume()
    const upload = outcomeOf(made.guard(requestOf({ method: 'POST', body }), upstream.next))
    vi.advanceTimersByTime(OPTIONS.breakerResetMs - 1)
    expect(await through(async () => answerOf())).toBe('breaker-open')
    vi.advanceTimersByTime(1)
    await fail(1)
    expect(made.state).toBe('open')
    upstream.calls[0]?.resolve(answerOf())
    expect(await upload).toBe(200)
    await settle()
    expect([made.state, told['stale-result']]).toEqual(['open', 1])
    expect(vi.getTimerCount()).toBe(timers + 1)
  })

  test('an upload that is whole by then stays its probe', async () => {
    await halfOpen()
    const upstream = heldUpstream()
    const body = uploadOf()
    body.resume()
    const upload = outcomeOf(made.guard(requestOf({ method: 'POST', body }), upstream.next))
    vi.advanceTimersByTime(OPTIONS.breakerResetMs - 1)
    body.destroy()
    vi.advanceTimersByTime(1)
    expect(await through(async () => answerOf())).toBe('breaker-open')
    upstream.calls[0]?.resolve(answerOf())
    expect([await upload, made.state]).toEqual([200, 'closed'])
  })

  test('an endless stream as its probe does not freeze it', async () => {
    await halfOpen()
    const stream = heldBody()
    await through(async () => ({ status: 200, headers: [], body: stream.body }))
    expect(made.state).toBe('half-open')
    vi.advanceTimersByTime(OPTIONS.breakerResetMs)
    await settle()
    expect(made.state).toBe('closed')
  })

  test('a streamed probe is judged when its body has ended, and leaves no timer', async () => {
    await halfOpen()
    const timers = vi.getTimerCount()
    const stream = heldBody()
    await through(async () => ({ status: 200, headers: [], body: stream.body }))
    stream.end(null)
    await settle()
    expect([made.state, vi.getTimerCount()]).toEqual(['closed', timers])
  })
})

describe('in the chain', () => {
  test('what the cache answers does not keep it from opening', async () => {
    const policy = { ...CACHE_OPTIONS, cacheFreshMs: 60_000, cacheStaleIfErrorMs: 0 }
    const store = memoryStore({ cacheMaxBytes: 100_000 })
    const run = compose([cache(store, policy, () => {}), made.guard], async request => {
      if (request.parts.path === '/known') return answerOf()
      throw reset()
    })
    await run(requestOf({ path: '/known' }))
    for (let count = 0; count < 40; count += 1) {
      for (let hits = 0; hits < 4; hits += 1) await run(requestOf({ path: '/known' }))
      await outcomeOf(run(requestOf({ path: `/unknown/${count}` })))
    }
    expect(made.state).toBe('open')
  })

  test('what the bulkhead refuses does not open it', async () => {
    const upstream = heldUpstream()
    const run = compose(
      [bulkhead({ bulkheadMax: 5, bulkheadClientMax: 0 }, placesOf(), () => {}), made.guard],
      upstream.next,
    )
    const outcomes = Array.from({ length: 100 }, () => outcomeOf(run(requestOf())))
    for (const call of upstream.calls) call.resolve(answerOf())
    expect((await Promise.all(outcomes)).filter(outcome => outcome === 'bulkhead-full').length).toBe(95)
    expect(made.state).toBe('closed')
  })
})

/** A streamed body that ends when the test says so. */
function heldBody() {
  const listeners: ((reason: Error | null) => void)[] = []
  const body: BodySource = {
    pipe: () => {},
    resume: () => {},
    abort: () => {},
    onEnd: listener => void listeners.push(listener),
  }
  const end = (reason: Error | null) => {
    for (const listener of listeners) listener(reason)
  }
  return { body, end }
}

test('what comes after its end is judged by nobody, and goes to its client as ever', async () => {
  const upstream = heldUpstream()
  const outcomes = [through(upstream.next), through(upstream.next)]
  made.close()
  upstream.calls[0]?.resolve(answerOf())
  upstream.calls[1]?.reject(reset())
  expect(await Promise.all(outcomes)).toEqual([200, 'upstream-reset'])
  // A promise that nobody handles would fail the run.
  await settle()
  expect(changes).toEqual([])
})
