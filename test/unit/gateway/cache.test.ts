import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import { decodeEntry, encodeEntry } from '../../../src/cache/redis.ts'
import type { CacheEntry, CacheStore } from '../../../src/cache/store.ts'
import { tieredStore } from '../../../src/cache/tiered.ts'
import { GatewayError, type RefusalCode } from '../../../src/errors.ts'
import { cache } from '../../../src/guards/cache.ts'
import type { GatewayRequest, Next } from '../../../src/guards/guard.ts'
import { answerOf, heldUpstream, outcomeOf, requestOf, settle, teller } from '../../support/gateway-chain.ts'

const OPTIONS = {
  cacheFreshMs: 2_000,
  cacheStaleIfErrorMs: 60_000,
  cacheStaleWhileRevalidateMs: 0,
  deadlineMs: 400,
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function guarded(
  next: Next,
  options: Partial<typeof OPTIONS> = {},
  store = memoryStore({ cacheMaxBytes: 100_000 }),
) {
  const { tell, told } = teller()
  const guard = cache(store, { ...OPTIONS, ...options }, tell)
  return { told, run: (request: GatewayRequest) => guard(request, next) }
}

const fresh = async () => answerOf(200, 'known')
const refuse = (code: RefusalCode) => async () => {
  throw new GatewayError(code, 'as scripted')
}

describe('freshness', () => {
  test('ends after 2 s unless the upstream says otherwise; ttl and Age are whole seconds', async () => {
    const next = vi.fn(fresh)
    const { run } = guarded(next)
    await run(requestOf())
    vi.advanceTimersByTime(1_999)
    const request = requestOf()
    const answer = await run(request)
    expect(request.trace).toMatchObject({ forwarded: undefined, hitTtlSeconds: 0 })
    expect(answer.headers).toEqual(['Age', '1'])
    vi.advanceTimersByTime(1)
    await run(requestOf())
    expect(next).toHaveBeenCalledTimes(2)
  })

  test.each([
    ['max-age=10', 10_000],
    ['s-maxage=20, max-age=10', 20_000],
    ['public, MAX-AGE="5"', 5_000],
    ['max-age=0', 0],
  ])('%s', async (directives, freshMs) => {
    const next = vi.fn(async () => answerOf(200, 'x', ['Cache-Control', directives]))
    const { run } = guarded(next)
    await run(requestOf())
    vi.advanceTimersByTime(Math.max(0, freshMs - 1))
    await run(requestOf())
    expect(next).toHaveBeenCalledTimes(freshMs === 0 ? 2 : 1)
    vi.advanceTimersByTime(1)
    await run(requestOf())
    expect(next).toHaveBeenCalledTimes(freshMs === 0 ? 3 : 2)
  })

  test('Expires counts where there is no max-age', async () => {
    const headers = ['Date', 'Mon, 23 Nov 2026 10:00:00 GMT', 'Expires', 'Mon, 23 Nov 2026 10:00:30 GMT']
    const { run } = guarded(async () => answerOf(200, 'x', headers))
    await run(requestOf())
    const request = requestOf()
    await run(request)
    expect(request.trace.hitTtlSeconds).toBe(30)
  })
})

describe('stale-if-error', () => {
  const faults = [
    ...['upstream-unreachable', 'upstream-reset', 'upstream-error', 'upstream-malformed', 'upstream-stalled'],
    ...['attempt-timeout', 'deadline-exceeded', 'breaker-open', 'bulkhead-full'],
  ] as RefusalCode[]
  test.each(faults)('a stale answer stands in for %s, with its age and why', async code => {
    let next: Next = fresh
    const { run, told } = guarded(request => next(request))
    await run(requestOf())
    vi.advanceTimersByTime(10_500)
    next = refuse(code)
    const request = requestOf()
    const answer = await run(request)
    expect(String(answer.body)).toBe('known')
    expect(answer.headers).toEqual(['Age', '10'])
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
    let next: Next = async () => answerOf(200, 'x', ['Cache-Control', 'max-age=1, stale-if-error=5'])
    const { run } = guarded(request => next(request))
    await run(requestOf())
    next = refuse('upstream-reset')
    vi.advanceTimersByTime(5_999)
    expect(await outcomeOf(run(requestOf()))).toBe(200)
    vi.advanceTimersByTime(1)
    expect(await outcomeOf(run(requestOf()))).toBe('upstream-reset')
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
    expect(String((await run(reader)).body)).toBe('old')
    await run(requestOf())
    expect(upstream.calls.length).toBe(2)
    const background = upstream.calls[1]!.request
    expect(background).not.toBe(reader)
    expect(background.deadlineAt).toBe(performance.now() + 400)
    reader.cancel(new GatewayError('client-gone', 'left'))
    expect(background.cancelled).toBeNull()
    upstream.calls[1]?.resolve(answerOf(200, 'new'))
    await settle()
    expect(String((await run(requestOf())).body)).toBe('new')
    expect(told.refreshed).toBe(1)
  })

  test('a refresh that fails keeps what is known, and the next reader tries again', async () => {
    const upstream = heldUpstream()
    const { run, told } = guarded(upstream.next, { cacheStaleWhileRevalidateMs: 10_000 })
    const first = run(requestOf())
    await settle()
    upstream.calls[0]?.resolve(answerOf(200, 'old'))
    await first
    vi.advanceTimersByTime(3_000)
    await run(requestOf())
    upstream.calls[1]?.reject(new GatewayError('upstream-reset', 'gone'))
    await settle()
    expect(String((await run(requestOf())).body)).toBe('old')
    expect(upstream.calls.length).toBe(3)
    expect(told['refresh-failed']).toBe(1)
  })
})

describe('stores', () => {
  const entryOf = (body: string, more: Partial<CacheEntry> = {}): CacheEntry => ({
    status: 200,
    headers: ['Content-Type', 'text/plain', 'X-Odd', 'ü'],
    body: Buffer.from(body),
    storedAt: 1_700_000_000_000.25,
    initialAgeMs: 0,
    freshUntil: Number.MAX_SAFE_INTEGER,
    staleIfErrorUntil: Number.MAX_SAFE_INTEGER,
    staleWhileRevalidateUntil: 0,
    varyOn: [],
    ...more,
  })

  test('memory is bounded in bytes, and forgets what was used least recently', () => {
    const store = memoryStore({ cacheMaxBytes: 10_000 })
    for (let count = 0; count < 100; count += 1) store.set(`k${count}`, entryOf('x'.repeat(1_000)))
    expect(store.get('k0')).toBeUndefined()
    expect(store.get('k99')).toBeDefined()
    store.set('huge', entryOf('x'.repeat(20_000)))
    expect(store.get('huge')).toBeUndefined()
  })

  test('what Redis keeps comes back byte for byte', () => {
    const entry = entryOf('body \n with \u0000 lines')
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry)
    const marker = entryOf('', { varyOn: ['accept', 'accept-language'], headers: [] })
    expect(decodeEntry(encodeEntry(marker))).toEqual(marker)
  })

  test('what is not ours is nothing', () => {
    const whole = encodeEntry(entryOf('body'))
    for (const length of [0, 3, 10, 40]) expect(decodeEntry(whole.subarray(0, length))).toBeUndefined()
    expect(decodeEntry(Buffer.from('garbage that is long enough'))).toBeUndefined()
    expect(decodeEntry(Buffer.alloc(64))).toBeUndefined()
  })

  test('tiers: what only the far one knows is kept near; what is stale near is asked for far', async () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const far = memoryStore({ cacheMaxBytes: 100_000 })
    const store: CacheStore = tieredStore(near, far)
    far.set('k', entryOf('far'))
    expect(String((await store.get('k'))?.body)).toBe('far')
    expect(near.get('k')).toBeDefined()
    near.set('old', entryOf('near', { freshUntil: 0 }))
    far.set('old', entryOf('renewed'))
    expect(String((await store.get('old'))?.body)).toBe('renewed')
    near.set('known', entryOf('near', { freshUntil: 0 }))
    expect(String((await store.get('known'))?.body)).toBe('near')
    store.delete('k')
    expect(await store.get('k')).toBeUndefined()
  })
})
