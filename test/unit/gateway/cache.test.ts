import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import { GatewayError, type RefusalCode } from '../../../src/errors.ts'
import { cache } from '../../../src/guards/cache.ts'
import type { GatewayResponse, Next } from '../../../src/guards/guard.ts'
import type { GatewayRequest } from '../../../src/guards/request.ts'
import { headerOf } from '../../../src/headers.ts'
import {
  answerOf,
  CACHE_OPTIONS,
  heldUpstream,
  outcomeOf,
  requestOf,
  settle,
  teller,
} from '../../support/gateway-chain.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function guarded(next: Next, options: Partial<typeof CACHE_OPTIONS> = {}) {
  const { tell, told } = teller()
  const guard = cache(memoryStore({ cacheMaxBytes: 100_000 }), { ...CACHE_OPTIONS, ...options }, tell)
  return { told, run: (request: GatewayRequest) => guard(request, next) }
}

const fresh = async () => answerOf(200, 'known')
const refuse = (code: RefusalCode) => async () => {
  throw new GatewayError(code, 'as scripted')
}
const ageOf = (answer: GatewayResponse) => headerOf(answer.headers, 'age')
const bodyOf = (answer: GatewayResponse) => String(answer.body)

describe('freshness', () => {
  test('ends after 2 s unless the upstream says otherwise; ttl and Age are whole seconds', async () => {
    const next = vi.fn(fresh)
    const { run } = guarded(next)
    await run(requestOf())
    vi.advanceTimersByTime(1_999)
    const request = requestOf()
    const answer = await run(request)
    expect(request.trace).toMatchObject({ forwarded: undefined, hitTtlSeconds: 0 })
    expect(ageOf(answer)).toBe('1')
    vi.advanceTimersByTime(1)
    await run(requestOf())
    expect(next).toHaveBeenCalledTimes(2)
  })
})

describe('what a client asks of the cache', () => {
  const asked = async (directives: string, headers = ['cache-control', 'max-age=60'], afterMs = 10_000) => {
    const next = vi.fn(async () => answerOf(200, 'x', headers))
    const { run } = guarded(next)
    await run(requestOf())
    vi.advanceTimersByTime(afterMs)
    const request = requestOf({ headers: ['cache-control', directives] })
    const outcome = await outcomeOf(run(request))
    return { outcome, calls: next.mock.calls.length, forwarded: request.trace.forwarded }
  }
  const hit = { outcome: 200, calls: 1, forwarded: undefined }
  const miss = { outcome: 200, calls: 2, forwarded: 'request' }

  test.each([
    ['max-age=10', hit],
    ['max-age=9', miss],
    ['max-age=0', miss],
    ['min-fresh=50', hit],
    ['min-fresh=51', miss],
    ['no-cache', miss],
    ['no-store', miss],
    ['only-if-cached', hit],
    ['nothing-to-see-here', hit],
  ])('%s, of an answer 10 s old and 50 s fresh yet', async (directives, expected) => {
    expect(await asked(directives)).toEqual(expected)
  })

  test.each([
    ['max-stale', hit],
    ['max-stale=5', hit],
    ['max-stale=4', { ...miss, forwarded: 'stale' }],
    ['only-if-cached, max-stale', hit],
    ['only-if-cached', { outcome: 'not-cached', calls: 1, forwarded: 'bypass' }],
  ])('%s, of an answer 5 s stale', async (directives, expected) => {
    expect(await asked(directives, ['cache-control', 'max-age=5'], 9_999.5)).toEqual(expected)
  })

  test('max-stale goes no further than the upstream and the bound allow', async () => {
    const stale = { ...miss, forwarded: 'stale' }
    expect(await asked('max-stale', ['cache-control', 'max-age=5, must-revalidate'])).toEqual(stale)
    expect(await asked('max-stale', ['cache-control', 'max-age=5'], 3_606_000)).toEqual(stale)
  })

  test('no-store keeps the answer from being stored', async () => {
    const next = vi.fn(fresh)
    const { run } = guarded(next)
    await run(requestOf({ headers: ['cache-control', 'no-store'] }))
    await run(requestOf())
    expect(next).toHaveBeenCalledTimes(2)
  })

  test('no-cache renews what is stored for all', async () => {
    let body = 'old'
    const { run } = guarded(async () => answerOf(200, body))
    await run(requestOf())
    body = 'new'
    await run(requestOf({ headers: ['cache-control', 'no-cache'] }))
    expect(bodyOf(await run(requestOf()))).toBe('new')
  })
})

describe('stale-if-error', () => {
  const faults = [
    ...['upstream-unreachable', 'upstream-reset', 'upstream-error', 'upstream-malformed', 'upstream-stalled'],
    ...['attempt-timeout', 'deadline-exceeded', 'client-deadline', 'breaker-open', 'bulkhead-full'],
  ] as RefusalCode[]
  test.each(faults)('a stale answer stands in for %s, with its age and why', async code => {
    let next: Next = fresh
    const { run, told } = guarded(request => next(request))
    await run(requestOf())
    vi.advanceTimersByTime(10_500)
    next = refuse(code)
    const request = requestOf()
    const answer = await run(request)
    expect([bodyOf(answer), ageOf(answer)]).toEqual(['known', '10'])
    expect(request.trace).toMatchObject({ forwarded: undefined, hitTtlSeconds: -9, detail: code })
    expect(told['stale-if-error']).toBe(1)
  })

  test.each(['client-gone', 'rate-limited', 'upstream-invalid', 'internal'] as const)(
    'none stands in for %s',
    async code => {
      let next: Next = fresh
      const { run } = guarded(request => next(request))
      await run(requestOf())
      vi.advanceTimersByTime(3_000)
      next = refuse(code)
      expect(await outcomeOf(run(requestOf()))).toBe(code)
    },
  )

  test('ends with its bound, counted when the answer is served', async () => {
    const upstream = heldUpstream()
    const { run } = guarded(upstream.next)
    const first = run(requestOf())
    await settle()
    upstream.calls[0]?.resolve(answerOf())
    await first
    vi.advanceTimersByTime(61_900)
    const inside = outcomeOf(run(requestOf()))
    const outside = outcomeOf(run(requestOf({ path: '/x' })))
    await settle()
    upstream.calls[1]?.reject(new GatewayError('upstream-reset', 'gone'))
    expect(await inside).toBe(200)
    vi.advanceTimersByTime(100)
    upstream.calls[2]?.reject(new GatewayError('upstream-reset', 'gone'))
    expect(await outside).toBe('upstream-reset')
  })

  test('the upstream’s own stale-if-error goes before the setting', async () => {
    let next: Next = async () => answerOf(200, 'x', ['cache-control', 'max-age=1, stale-if-error=5'])
    const { run } = guarded(request => next(request))
    await run(requestOf())
    next = refuse('upstream-reset')
    vi.advanceTimersByTime(5_999)
    expect(await outcomeOf(run(requestOf()))).toBe(200)
    vi.advanceTimersByTime(1)
    expect(await outcomeOf(run(requestOf()))).toBe('upstream-reset')
  })

  test('a year of it ends at the bound', async () => {
    let next: Next = async () => answerOf(200, 'x', ['cache-control', 'max-age=1, stale-if-error=31536000'])
    const { run } = guarded(request => next(request), { cacheStaleMaxMs: 120_000 })
    await run(requestOf())
    next = refuse('upstream-reset')
    vi.advanceTimersByTime(120_999)
    expect(await outcomeOf(run(requestOf()))).toBe(200)
    vi.advanceTimersByTime(1)
    expect(await outcomeOf(run(requestOf()))).toBe('upstream-reset')
  })

  test('a labelled failure is kept where nothing can stand in for it, and never takes the place of what can', async () => {
    const failure = answerOf(503, 'down', ['cache-control', 'max-age=60'])
    let answer = answerOf(200, 'known')
    const next = vi.fn(async () => ({ ...answer }))
    const { run } = guarded(next)
    await run(requestOf())
    answer = failure
    vi.advanceTimersByTime(3_000)
    expect(bodyOf(await run(requestOf()))).toBe('known')
    expect(bodyOf(await run(requestOf()))).toBe('known')
    const unknown = () => requestOf({ path: '/unknown' })
    expect([await outcomeOf(run(unknown())), await outcomeOf(run(unknown()))]).toEqual([503, 503])
    expect(next).toHaveBeenCalledTimes(4)
    vi.advanceTimersByTime(2_000)
    await run(unknown())
    expect(next).toHaveBeenCalledTimes(5)
  })
})

describe('stale-while-revalidate', () => {
  test('refreshes once, with no waiter and a deadline of its own', async () => {
    const upstream = heldUpstream()
    const { run, told } = guarded(upstream.next, { cacheStaleWhileRevalidateMs: 10_000 })
    const first = run(requestOf())
    await settle()
    upstream.calls[0]?.resolve(answerOf(200, 'old'))
    await first
    vi.advanceTimersByTime(3_000)
    const reader = requestOf({}, 400)
    expect(bodyOf(await run(reader))).toBe('old')
    await run(requestOf())
    expect(upstream.calls.length).toBe(2)
    const background = upstream.calls[1]!.request
    expect(background).not.toBe(reader)
    expect(background.deadlineAt).toBe(performance.now() + 400)
    reader.cancel(new GatewayError('client-gone', 'left'))
    expect(background.cancelled).toBeNull()
    upstream.calls[1]?.resolve(answerOf(200, 'new'))
    await settle()
    expect(bodyOf(await run(requestOf()))).toBe('new')
    expect(told.refreshed).toBe(1)
  })

  test.each([
    [
      'fails',
      (call: { reject(error: unknown): void }) => call.reject(new GatewayError('upstream-reset', 'gone')),
    ],
    ['tells of a fault', (call: { resolve(answer: GatewayResponse): void }) => call.resolve(answerOf(503))],
  ])('a refresh that %s keeps what is known, and the next reader tries again', async (_what, end) => {
    const upstream = heldUpstream()
    const { run, told } = guarded(upstream.next, { cacheStaleWhileRevalidateMs: 10_000 })
    const first = run(requestOf())
    await settle()
    upstream.calls[0]?.resolve(answerOf(200, 'old'))
    await first
    vi.advanceTimersByTime(3_000)
    await run(requestOf())
    end(upstream.calls[1]!)
    await settle()
    expect(bodyOf(await run(requestOf()))).toBe('old')
    expect(upstream.calls.length).toBe(3)
    expect(told['refresh-failed']).toBe(1)
  })

  test('a refresh asks for the whole, on the cache’s own conditions', async () => {
    const upstream = heldUpstream()
    const { run } = guarded(upstream.next, { cacheStaleWhileRevalidateMs: 10_000 })
    const first = run(requestOf())
    await settle()
    upstream.calls[0]?.resolve(answerOf(200, 'old', ['etag', '"v1"']))
    await first
    vi.advanceTimersByTime(3_000)
    const headers = ['accept', '*/*', 'range', 'bytes=0-1', 'if-none-match', '"client"']
    await run(requestOf({ headers, method: 'HEAD' }))
    const { parts } = upstream.calls[1]!.request
    expect(parts).toMatchObject({ method: 'GET', headers: ['accept', '*/*', 'if-none-match', '"v1"'] })
  })

  test('a client with credentials waits for its own answer, where that would not be kept', async () => {
    const upstream = heldUpstream()
    const { run, told } = guarded(upstream.next, { cacheStaleWhileRevalidateMs: 10_000 })
    const first = run(requestOf())
    await settle()
    upstream.calls[0]?.resolve(answerOf(200, 'old', ['cache-control', 'max-age=1']))
    await first
    vi.advanceTimersByTime(3_000)
    const reader = run(requestOf({ headers: ['cookie', 'a=1'] }))
    await settle()
    upstream.calls[1]?.resolve(answerOf(200, 'yours'))
    expect(bodyOf(await reader)).toBe('yours')
    expect(told.refreshed).toBeUndefined()
  })
})

describe('a client that says who it is', () => {
  const anonymous = requestOf
  const cookie = () => requestOf({ headers: ['cookie', 'a=1'] })
  const authorized = () => requestOf({ headers: ['authorization', 'Bearer x'] })
  test.each([
    ['', ['bypass', 'bypass']],
    ['max-age=60', [undefined, 'bypass']],
    ['max-age=60, public', [undefined, undefined]],
  ])(
    'with %j gets what was made for nobody in particular: Cookie, Authorization',
    async (directives, forwarded) => {
      const headers = directives === '' ? [] : ['cache-control', directives]
      const { run } = guarded(async () => answerOf(200, 'x', headers))
      await run(anonymous())
      const requests = [cookie(), authorized()]
      for (const request of requests) await run(request)
      expect(requests.map(({ trace }) => trace.forwarded)).toEqual(forwarded)
    },
  )

  test('is answered from what was made for itself, where answers vary by that', async () => {
    let answer = answerOf(200, 'for one', ['vary', 'Cookie'])
    const { run } = guarded(async () => answer)
    await run(cookie())
    answer = answerOf(200, 'for another', ['vary', 'Cookie'])
    const requests = [cookie(), requestOf({ headers: ['cookie', 'a=2'] }), anonymous()]
    const bodies = []
    for (const request of requests) bodies.push(bodyOf(await run(request)))
    expect(bodies).toEqual(['for one', 'for another', 'for another'])
    expect(requests.map(({ trace }) => trace.forwarded)).toEqual([undefined, 'vary-miss', 'vary-miss'])
  })

  test('and is answered for itself does not take from the others what is theirs', async () => {
    let answer = answerOf(200, 'for all')
    const { run } = guarded(async () => answer)
    await run(anonymous())
    answer = answerOf(200, 'for one', ['cache-control', 'private'])
    await run(cookie())
    expect(bodyOf(await run(anonymous()))).toBe('for all')
  })
})

describe('an answer that may not be kept', () => {
  test.each([401, 403, 451])(
    'a %i: what it takes back does not stand in at the next failure',
    async status => {
      let next: Next = fresh
      const { run } = guarded(request => next(request))
      await run(requestOf())
      vi.advanceTimersByTime(3_000)
      next = async () => answerOf(status)
      expect(await outcomeOf(run(requestOf()))).toBe(status)
      next = refuse('upstream-reset')
      expect(await outcomeOf(run(requestOf()))).toBe('upstream-reset')
    },
  )

  test('a 403 to one client takes its own from it, and from the others nothing', async () => {
    const own = async () => answerOf(200, 'known', ['vary', 'Cookie'])
    let next: Next = own
    const { run } = guarded(request => next(request))
    const as = (user: string) => requestOf({ headers: ['cookie', user] })
    for (const user of ['one', 'two']) await run(as(user))
    const shared = { path: '/shared' }
    next = async () => answerOf(200, 'known', ['cache-control', 'public'])
    await run(requestOf(shared))
    vi.advanceTimersByTime(3_000)
    next = async () => answerOf(403)
    for (const parts of [{}, shared]) await run(requestOf({ headers: ['cookie', 'one'], ...parts }))
    next = refuse('upstream-reset')
    const outcomes = [as('one'), as('two'), requestOf(shared)].map(request => outcomeOf(run(request)))
    expect(await Promise.all(outcomes)).toEqual(['upstream-reset', 200, 200])
  })

  test('says that the one kept so far no longer is the answer', async () => {
    let next: Next = fresh
    const { run } = guarded(request => next(request))
    await run(requestOf())
    vi.advanceTimersByTime(3_000)
    next = async () => answerOf(200, 'now private', ['cache-control', 'private'])
    await run(requestOf())
    next = refuse('upstream-reset')
    expect(await outcomeOf(run(requestOf()))).toBe('upstream-reset')
  })
})
