// Several answers at one path, and what writes make of them.
import { beforeEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import type { CacheEntry } from '../../../src/cache/store.ts'
import { GatewayError } from '../../../src/errors.ts'
import { cache } from '../../../src/guards/cache.ts'
import type { GatewayResponse } from '../../../src/guards/guard.ts'
import type { GatewayRequest } from '../../../src/guards/request.ts'
import {
  answerOf,
  CACHE_OPTIONS,
  heldUpstream,
  outcomeOf,
  requestOf,
  settle,
  teller,
} from '../../support/gateway-chain.ts'

let upstream: ReturnType<typeof heldUpstream>
let run: (request: GatewayRequest) => Promise<GatewayResponse>
beforeEach(() => start())

function start(options: Partial<typeof CACHE_OPTIONS> = {}): void {
  upstream = heldUpstream()
  const guard = cache(
    memoryStore({ cacheMaxBytes: 100_000 }),
    { ...CACHE_OPTIONS, ...options },
    teller().tell,
  )
  run = request => guard(request, upstream.next)
}

/** Asks, has the upstream answer if it is asked, and tells which it was. */
async function ask(request: GatewayRequest, answer = answerOf()): Promise<'stored' | 'asked'> {
  const calls = upstream.calls.length
  const outcome = outcomeOf(run(request))
  await settle()
  const call = upstream.calls[calls]
  // Each its own, as an upstream gives them.
  call?.resolve({ ...answer })
  await outcome
  return call === undefined ? 'stored' : 'asked'
}

const inLanguage = (language: string) => requestOf({ headers: ['accept-language', language] })
const varied = answerOf(200, 'x', ['vary', 'Accept-Language'])
const write = (headers: string[] = [], status = 200, path = '/x') =>
  ask(requestOf({ method: 'POST', path }), answerOf(status, '', headers))

describe('variants', () => {
  test('are kept apart, all of them', async () => {
    expect(await ask(inLanguage('de'), varied)).toBe('asked')
    const request = inLanguage('fr')
    expect(await ask(request, varied)).toBe('asked')
    expect(request.trace.forwarded).toBe('vary-miss')
    expect([await ask(inLanguage('de')), await ask(inLanguage('fr'))]).toEqual(['stored', 'stored'])
    expect(await ask(requestOf(), varied)).toBe('asked')
  })

  test('that are fetched at the same time are all found again', async () => {
    const reads = ['de', 'fr', 'it'].map(language => outcomeOf(run(inLanguage(language))))
    await settle()
    for (const call of upstream.calls) call.resolve({ ...varied })
    await Promise.all(reads)
    expect(await Promise.all(['de', 'fr', 'it'].map(language => ask(inLanguage(language))))).toEqual([
      ...['stored', 'stored', 'stored'],
    ])
  })

  test.each([
    ['accept-language', 'en, de', 'EN,De', 'stored'],
    ['accept-language', 'en, de', 'de, en', 'asked'],
    ['x-kind', 'a, b', ' a,b ', 'stored'],
    ['x-kind', 'a', 'A', 'asked'],
    ['x-kind', '"a, b"', '"a,b"', 'asked'],
    ['cookie', 'a=1, b', 'a=1,b', 'asked'],
  ])('%s: %j and %j', async (name, one, other, expected) => {
    const answer = answerOf(200, 'x', ['vary', name, 'cache-control', 'public'])
    await ask(requestOf({ headers: [name, one] }), answer)
    expect(await ask(requestOf({ headers: [name, other] }), answer)).toBe(expected)
  })

  test('are found in a store that answers later, within the time of one', async () => {
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const waits: (number | undefined)[] = []
    const later = {
      ...near,
      get: async (key: string, waitUntil?: number) => {
        waits.push(waitUntil)
        return near.get(key)
      },
    }
    const guard = cache(later, CACHE_OPTIONS, teller().tell)
    run = request => guard(request, upstream.next)
    const request = inLanguage('de')
    expect([await ask(request, varied), await ask(request), await ask(inLanguage('fr'))]).toEqual([
      ...['asked', 'stored', 'asked'],
    ])
    // Once for nothing, then each time for the list and for the variant.
    expect(waits.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => request.arrivedAt + 50))
    expect(waits.length).toBe(5)
  })

  test('are listed for as long as any of them is fresh, or kept', async () => {
    const kept = new Map<string, CacheEntry>()
    const near = memoryStore({ cacheMaxBytes: 100_000 })
    const set = (key: string, entry: CacheEntry) => {
      kept.set(key, entry)
      near.set(key, entry)
    }
    const guard = cache({ ...near, set }, CACHE_OPTIONS, teller().tell)
    run = request => guard(request, upstream.next)
    const lasting = ['vary', 'Accept-Language', 'cache-control', 'max-age=3600']
    await ask(inLanguage('de'), answerOf(200, 'x', lasting))
    await ask(inLanguage('fr'), varied)
    const [list, ...variants] = [...kept.values()].toSorted((a, b) => b.varyOn.length - a.varyOn.length)
    expect(variants.length).toBe(2)
    expect(list?.keepUntil).toBe(Math.max(...variants.map(({ keepUntil }) => keepUntil)))
    expect(list?.freshUntil).toBe(Math.max(...variants.map(({ freshUntil }) => freshUntil)))
  })

  test.each([
    [['content-encoding', 'gzip'], 'asked'],
    [['content-encoding', 'gzip', 'vary', 'Origin'], 'asked'],
    [['content-encoding', 'Identity'], 'stored'],
  ])('what is encoded varies by what was accepted, said or not: %j', async (headers, expected) => {
    const accepting = (coding: string) => requestOf({ headers: ['accept-encoding', coding] })
    await ask(accepting('gzip'), answerOf(200, 'x', headers))
    expect(await ask(accepting('identity'), answerOf(200, 'x', headers))).toBe(expected)
    expect(await ask(accepting('GZIP'))).toBe('stored')
  })

  test('a field in several lines is the same as in one', async () => {
    const answer = answerOf(200, 'x', ['vary', 'X-Kind'])
    await ask(requestOf({ headers: ['x-kind', 'a', 'x-kind', 'b'] }), answer)
    expect(await ask(requestOf({ headers: ['x-kind', 'a, b'] }), answer)).toBe('stored')
  })

  test('a field that is empty is not one that is missing', async () => {
    const answer = answerOf(200, 'x', ['vary', 'X-Kind'])
    await ask(requestOf({ headers: ['x-kind', ''] }), answer)
    expect(await ask(requestOf(), answer)).toBe('asked')
  })
})

describe('a write', () => {
  test('makes what is stored at its path forgotten, every variant and route of it', async () => {
    const areas = () => requestOf({ route: 'areas' })
    await ask(inLanguage('de'), varied)
    await ask(inLanguage('fr'), varied)
    await ask(areas())
    await write()
    expect(await ask(areas())).toBe('asked')
    expect(await ask(inLanguage('de'), varied)).toBe('asked')
    // The list of variants is there again, what it led to before is not.
    expect(await ask(inLanguage('fr'), varied)).toBe('asked')
  })

  test.each(['PUT', 'DELETE', 'PATCH', 'M-SEARCH'])('by %s, too', async method => {
    await ask(requestOf())
    await ask(requestOf({ method }))
    expect(await ask(requestOf())).toBe('asked')
  })

  test.each([400, 409, 500])('that is answered with %i changes nothing', async status => {
    await ask(requestOf())
    await write([], status)
    expect(await ask(requestOf())).toBe('stored')
  })

  test('that nobody answered leaves what can stand in', async () => {
    await ask(requestOf())
    const outcome = outcomeOf(run(requestOf({ method: 'POST' })))
    await settle()
    upstream.calls.at(-1)?.reject(new GatewayError('upstream-reset', 'gone'))
    expect(await outcome).toBe('upstream-reset')
    expect(await ask(requestOf())).toBe('stored')
  })

  test.each([
    ['/other', 'asked'],
    ['other', 'asked'],
    ['http://upstream.test/other', 'asked'],
    ['http://elsewhere.test/other', 'stored'],
    ['//elsewhere.test/other', 'stored'],
    ['http://[not a url', 'stored'],
  ])('with Location %s, on what is stored at /other', async (location, expected) => {
    for (const name of ['location', 'content-location']) {
      start()
      await ask(requestOf({ path: '/other' }))
      await write([name, location], 201)
      expect(await ask(requestOf({ path: '/other' }))).toBe(expected)
    }
  })

  test('knows the upstream by the Host it is asked for', async () => {
    start({ upstreamHost: 'shop.test' })
    await ask(requestOf({ path: '/other' }))
    await write(['location', 'https://shop.test/other'], 201)
    expect(await ask(requestOf({ path: '/other' }))).toBe('asked')
  })

  test.each([
    ['http://shop.test/proxy/other', 'asked'],
    ['http://shop.test/other', 'asked'],
    ['https://SHOP.test/other', 'asked'],
    ['/proxy/other', 'asked'],
    ['http://elsewhere.test/proxy/other', 'stored'],
  ])('knows what it was told to write of itself: Location %s', async (location, expected) => {
    start({ upstreamBasePath: '/api' })
    const origin = 'http://shop.test;x-forwarded-port=80'
    await ask(requestOf({ path: '/other', origin }))
    await ask(requestOf({ method: 'POST', origin }), answerOf(201, '', ['location', location]))
    expect(await ask(requestOf({ path: '/other', origin }))).toBe(expected)
  })

  test('knows its own paths below those of the upstream', async () => {
    start({ upstreamBasePath: '/api' })
    await ask(requestOf({ path: '/a?b=1' }))
    await write(['location', '/api/a?b=1'], 201)
    expect(await ask(requestOf({ path: '/a?b=1' }))).toBe('asked')
    await write(['location', '/a?b=1'], 201)
    expect(await ask(requestOf({ path: '/a?b=1' }))).toBe('stored')
  })

  test('that overtakes a read keeps the answer from before it out of the store', async () => {
    const read = outcomeOf(run(requestOf()))
    await settle()
    await write()
    upstream.calls[0]?.resolve(answerOf(200, 'from before'))
    expect(await read).toBe(200)
    expect(await ask(requestOf())).toBe('asked')
    expect(await ask(requestOf())).toBe('stored')
  })
})

test('an answer that many wait for is stored once', async () => {
  let stored = 0
  const store = memoryStore({ cacheMaxBytes: 100_000 })
  const counting = {
    ...store,
    set(...args: Parameters<typeof store.set>) {
      stored += 1
      store.set(...args)
    },
  }
  const shared = answerOf()
  const guard = cache(counting, CACHE_OPTIONS, teller().tell)
  await Promise.all(Array.from({ length: 40 }, () => guard(requestOf(), async () => shared)))
  expect(stored).toBe(1)
})
