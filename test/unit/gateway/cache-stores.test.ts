// Where answers are kept: in memory, as bytes in a shared store, in both.
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { decodeEntry, encodeEntry } from '../../../src/cache/entry-codec.ts'
import { memoryStore } from '../../../src/cache/memory.ts'
import type { RedisLink } from '../../../src/cache/redis.ts'
import { redisStore, type SharedStore } from '../../../src/cache/redis-store.ts'
import type { CacheEntry } from '../../../src/cache/store.ts'
import { tieredStore } from '../../../src/cache/tiered.ts'
import { epochNow } from '../../../src/epoch-now.ts'
import { settle } from '../../support/gateway-chain.ts'

const entryOf = (body: string, more: Partial<CacheEntry> = {}): CacheEntry => ({
  status: 200,
  headers: ['content-type', 'text/plain', 'x-odd', 'ü'],
  body: Buffer.from(body),
  storedAt: 1_700_000_000_000.25,
  initialAgeMs: 0,
  freshUntil: Number.MAX_SAFE_INTEGER,
  byRule: { isFresh: true, isStaleWhileRevalidate: false, isStaleIfError: true },
  staleWhileRevalidateUntil: 0,
  staleIfErrorUntil: 1,
  staleUntil: 2,
  keepUntil: Number.MAX_SAFE_INTEGER,
  audience: 'labelled',
  varyOn: [],
  generation: '',
  ...more,
})

describe('in memory', () => {
  test('it is bounded in bytes, and forgets what was used least recently', () => {
    const store = memoryStore({ cacheMaxBytes: 10_000 })
    for (let count = 0; count < 100; count += 1) store.set(`k${count}`, entryOf('x'.repeat(1_000)))
    expect(store.get('k0')).toBeUndefined()
    expect(store.get('k99')).toBeDefined()
    store.set('huge', entryOf('x'.repeat(20_000)))
    expect(store.get('huge')).toBeUndefined()
  })

  test('it tells what is gone, be it deleted or for want of room', () => {
    const store = memoryStore({ cacheMaxBytes: 10_000 })
    const gone: string[] = []
    store.onGone(key => gone.push(key))
    store.set('a', entryOf('x'))
    store.set('a', entryOf('y'))
    store.delete('a')
    store.set('b', entryOf('x'.repeat(5_000)))
    store.set('c', entryOf('x'.repeat(5_000)))
    expect(gone).toEqual(['a', 'b'])
  })
})

describe('as one value', () => {
  test('an entry comes back byte for byte', () => {
    const entry = entryOf('body \n with \u0000 lines')
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry)
    const list = entryOf('', { varyOn: ['accept', 'accept-language'], generation: 'g', headers: [] })
    expect(decodeEntry(encodeEntry(list))).toEqual(list)
  })

  test.each([
    [-1_000, 1_000],
    [0, 2_000],
    [200, 2_000],
    [3_600_000, 0],
  ])('stored by a clock %i ms ahead, what is fresh for 2 s is so for %i ms yet', (aheadMs, freshMs) => {
    vi.useFakeTimers()
    const at = epochNow() + aheadMs
    const times = {
      storedAt: at,
      freshUntil: at + 2_000,
      staleIfErrorUntil: at + 5_000,
      keepUntil: at + 9_000,
    }
    const entry = decodeEntry(encodeEntry(entryOf('x', times)))!
    const now = epochNow()
    vi.useRealTimers()
    expect(entry.freshUntil - now).toBeCloseTo(freshMs)
    expect(entry.staleIfErrorUntil - now).toBeCloseTo(Math.min(5_000, 5_000 + aheadMs))
    expect(entry.keepUntil - now).toBeCloseTo(Math.min(9_000, 9_000 + aheadMs))
    expect(entry.storedAt).toBeLessThanOrEqual(now)
  })

  test('its body keeps no larger buffer alive', () => {
    const value = encodeEntry(entryOf('x'.repeat(10_000)))
    const window = Buffer.alloc(1_000_000)
      .fill(value, 500_000)
      .subarray(500_000, 500_000 + value.length)
    const { body } = decodeEntry(window)!
    expect([body.length, body.buffer.byteLength]).toEqual([10_000, 10_000])
  })

  test('what is cut off is nothing', () => {
    const whole = encodeEntry(entryOf(''))
    for (let length = 0; length < whole.length; length += 1) {
      expect(decodeEntry(whole.subarray(0, length))).toBeUndefined()
    }
  })

  test('what is not ours is nothing', () => {
    expect(decodeEntry(Buffer.from('garbage that is long enough'))).toBeUndefined()
    expect(decodeEntry(Buffer.alloc(64))).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(decodeEntry(Buffer.from(bytes))).toBeUndefined()
      }),
      { seed: 9111, numRuns: 500 },
    )
  })
})

/** A link that writes down what it is asked instead of asking Redis. */
function recordedLink() {
  const commands: unknown[][] = []
  const redis = new Proxy(
    {},
    {
      get:
        (_target, name) =>
        (...args: unknown[]) =>
          Promise.resolve(commands.push([name, ...args])),
    },
  )
  const link: RedisLink = {
    ask: command => command(redis as never),
    deleteAll: async pattern => void commands.push(['deleteAll', pattern]),
    publish: (channel, message) => void commands.push(['publish', channel, message]),
    listen: () => () => {},
    close: () => {},
  }
  return { link, commands }
}

describe('in Redis', () => {
  test('no key and no message tells what it is made of', async () => {
    const { link, commands } = recordedLink()
    const store = redisStore(link, { cacheMaxBodyBytes: 1_000 })
    const key = 'proxy /reset/secret-1?token=secret-2\ngeneration\ncookie=secret-3'
    store.set(key, entryOf('x'))
    await store.get(key)
    store.delete(key)
    expect(commands.map(([name]) => name)).toEqual(['set', 'getBuffer', 'del', 'publish'])
    const told = commands.map(([name, ...args]) => (name === 'set' ? args[0] : args.join()))
    expect(told.join('\n')).not.toMatch(/secret|token|reset|proxy/)
  })

  test('a value that is too long, or of no use any more, is not sent', () => {
    const { link, commands } = recordedLink()
    const store = redisStore(link, { cacheMaxBodyBytes: 1_000 })
    store.set('k', entryOf('x'.repeat(100_000)))
    store.set('k', entryOf('x', { keepUntil: Date.now() - 1 }))
    expect(commands).toEqual([])
  })
})

describe('in a Redis that does not answer', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** Keeps what it is told while it is well. */
  function wellOrNot() {
    const values = new Map<string, Buffer>()
    const published: string[] = []
    const state = { isWell: true }
    const redis = {
      getBuffer: async (name: string) => values.get(name) ?? null,
      set: async (name: string, value: Buffer) => void values.set(name, value),
      del: async (name: string) => void values.delete(name),
    }
    const need = () => {
      if (!state.isWell) throw new Error('not well')
    }
    const link: RedisLink = {
      ask: async command => {
        need()
        return command(redis as never)
      },
      deleteAll: async () => {
        need()
        values.clear()
      },
      publish: (_channel, message) => state.isWell && published.push(message.split(' ')[1]!),
      listen: () => () => {},
      close: () => {},
    }
    return { store: redisStore(link, { cacheMaxBodyBytes: 1_000 }), state, values, published }
  }
  const found = async (store: SharedStore, key: string) => String((await store.get(key))?.body)

  test('what is deleted is not found again when it does, and is gone for the others soon', async () => {
    const { store, state, values, published } = wellOrNot()
    store.set('k', entryOf('old'))
    await settle()
    state.isWell = false
    store.delete('k')
    await settle()
    state.isWell = true
    expect([await found(store, 'k'), values.size, published.length]).toEqual(['undefined', 1, 0])
    await vi.advanceTimersByTimeAsync(500)
    expect([values.size, published]).toEqual([0, [store.nameOf('k')]])
  })

  test('what is stored after that is found, and not deleted afterwards', async () => {
    const { store, state } = wellOrNot()
    store.set('k', entryOf('old'))
    await settle()
    state.isWell = false
    store.delete('k')
    await settle()
    state.isWell = true
    store.set('k', entryOf('new'))
    await settle()
    expect(await found(store, 'k')).toBe('new')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await found(store, 'k')).toBe('new')
  })

  test('more than can be remembered is everything', async () => {
    const { store, state, values } = wellOrNot()
    store.set('never written', entryOf('old'))
    store.set('k3000', entryOf('old'))
    await settle()
    state.isWell = false
    for (let count = 0; count <= 3_000; count += 1) store.delete(`k${count}`)
    await settle()
    state.isWell = true
    expect([await found(store, 'k3000'), await found(store, 'never written')]).toEqual([
      ...['undefined', 'undefined'],
    ])
    await vi.advanceTimersByTimeAsync(500)
    expect(values.size).toBe(0)
    store.set('k1', entryOf('new'))
    await settle()
    expect(await found(store, 'k1')).toBe('new')
  })
})

/** A shared store in this process, with the other gateways' voice. */
function sharedStore() {
  const store = memoryStore({ cacheMaxBytes: 100_000 })
  const listeners = new Set<(name: string) => void>()
  const shared: SharedStore = {
    ...store,
    nameOf: key => `name of ${key}`,
    onDelete(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const tell = (name: string) => {
    for (const listener of listeners) listener(name)
  }
  return { shared, tell, listeners }
}

describe('in both', () => {
  const now = Date.now()

  test('what only the far one knows is kept near; what is stale near is asked for far', async () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const { shared: far } = sharedStore()
    const store = tieredStore(near, far)
    far.set('k', entryOf('far'))
    expect(String((await store.get('k'))?.body)).toBe('far')
    expect(near.get('k')).toBeDefined()
    near.set('old', entryOf('near', { freshUntil: 0, storedAt: 1 }))
    far.set('old', entryOf('renewed'))
    expect(String((await store.get('old'))?.body)).toBe('renewed')
    near.set('known', entryOf('near', { freshUntil: 0 }))
    expect(String((await store.get('known'))?.body)).toBe('near')
    store.delete('k')
    expect(await store.get('k')).toBeUndefined()
  })

  test('a store that is closed no longer hears what others delete', () => {
    const { shared, listeners } = sharedStore()
    const store = tieredStore(memoryStore({ cacheMaxBytes: 100_000 }), shared)
    expect(listeners.size).toBe(1)
    store.close()
    expect(listeners.size).toBe(0)
  })

  test('what is newer near is not overwritten by what is older far', async () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const { shared: far } = sharedStore()
    near.set('k', entryOf('newer', { freshUntil: 0, storedAt: 2 }))
    far.set('k', entryOf('older', { freshUntil: 0, storedAt: 1 }))
    expect(String((await tieredStore(near, far).get('k'))?.body)).toBe('newer')
  })

  test('what is fresh near is answered at once', () => {
    const store = tieredStore(memoryStore({ cacheMaxBytes: 100_000 }), sharedStore().shared)
    const entry = entryOf('near')
    store.set('k', entry)
    expect(store.get('k')).toBe(entry)
  })

  test('what the far one no longer may use is not kept near', async () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const { shared: far } = sharedStore()
    far.set('k', entryOf('far', { keepUntil: now - 1 }))
    expect(await tieredStore(near, far).get('k')).toBeUndefined()
    expect(near.get('k')).toBeUndefined()
  })

  test('what may have been deleted by others unheard is not near any more', () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const { shared, tell } = sharedStore()
    const store = tieredStore(near, shared)
    store.set('k', entryOf('x'))
    tell('*')
    expect(near.get('k')).toBeUndefined()
  })

  test('what another gateway deletes is forgotten near', () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const { shared, tell } = sharedStore()
    const store = tieredStore(near, shared)
    store.set('k', entryOf('x'))
    store.set('other', entryOf('x'))
    tell('name of k')
    tell('name of something never heard of')
    expect([near.get('k'), near.get('other')?.status]).toEqual([undefined, 200])
  })
})
