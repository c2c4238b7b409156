// What is stored already, when the rules change.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { decodeEntry, encodeEntry } from '../../../src/cache/entry-codec.ts'
import { memoryStore } from '../../../src/cache/memory.ts'
import type { CacheEntry, CacheStore } from '../../../src/cache/store.ts'
import { GatewayError } from '../../../src/errors.ts'
import { cache } from '../../../src/guards/cache.ts'
import type { Next } from '../../../src/guards/guard.ts'
import { answerOf, CACHE_OPTIONS, outcomeOf, requestOf, teller } from '../../support/gateway-chain.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const failing: Next = async () => {
  throw new GatewayError('upstream-reset', 'gone')
}

/** In memory, or as bytes that another gateway reads. */
function storeOf(kind: string): CacheStore {
  const near = memoryStore({ cacheMaxBytes: 100_000 })
  if (kind === 'memory') return near
  const recoded = (entry: CacheEntry | undefined) => entry && decodeEntry(encodeEntry(entry))
  return { ...near, get: async key => recoded(near.get(key)) }
}

describe.each(['memory', 'bytes'])('in %s', kind => {
  /** What a read gets of what was stored under the old rules, so long after it, once the new ones are in force. */
  async function later(said: string, rules: Partial<typeof CACHE_OPTIONS>, afterMs: number) {
    const store = storeOf(kind)
    const headers = said === '' ? [] : ['cache-control', said]
    await cache(
      store,
      { ...CACHE_OPTIONS },
      teller().tell,
    )(requestOf(), async () => answerOf(200, 'x', headers))
    vi.advanceTimersByTime(afterMs)
    const now = cache(store, { ...CACHE_OPTIONS, ...rules }, teller().tell)
    const request = requestOf()
    const outcome = await outcomeOf(now(request, failing))
    if (outcome !== 200) return 'failed'
    return request.trace.detail === undefined ? 'fresh' : 'stale'
  }

  test.each([
    ['', {}, 1_000, 'fresh'],
    ['', { cacheFreshMs: 500 }, 1_000, 'failed'],
    ['max-age=60', { cacheFreshMs: 500 }, 1_000, 'fresh'],
    ['', { cacheFreshMs: 60_000 }, 3_000, 'failed'],
  ] as const)('freshness: %j under %j', async (said, rules, afterMs, expected) => {
    const strict = { cacheStaleIfErrorMs: 0, ...rules }
    expect(await later(said, strict, afterMs)).toBe(expected)
  })

  test.each([
    ['', {}, 30_000, 'stale'],
    ['', { cacheStaleIfErrorMs: 5_000 }, 30_000, 'failed'],
    ['max-age=1, stale-if-error=60', { cacheStaleIfErrorMs: 5_000 }, 30_000, 'stale'],
    ['max-age=1, stale-if-error=60', { cacheStaleMaxMs: 5_000 }, 30_000, 'failed'],
    ['', { cacheStaleIfErrorMs: 90_000 }, 80_000, 'failed'],
    ['', { cacheFreshMs: 0, cacheStaleIfErrorMs: 1_000 }, 1_500, 'failed'],
  ] as const)('standing in: %j under %j', async (said, rules, afterMs, expected) => {
    expect(await later(said, rules, afterMs)).toBe(expected)
  })
})
