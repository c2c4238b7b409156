// What is stored, until when, for whom: tables of what upstreams say.
import { describe, expect, test } from 'vitest'
import { isBuffered, mayBeShared, mayShareResponse } from '../../../src/cache/sharing.ts'
import type { CacheEntry } from '../../../src/cache/store.ts'
import { entryOf } from '../../../src/cache/storing.ts'
import type { GatewayRequest } from '../../../src/guards/request.ts'
import { answerOf, CACHE_OPTIONS, requestOf } from '../../support/gateway-chain.ts'

const AT = Date.UTC(2026, 10, 23, 10)
const DATE = new Date(AT).toUTCString()

interface Said {
  status?: number
  request?: GatewayRequest
  waitedMs?: number
  /** Of the gateway’s own clock, which was started when the machine’s was wrong. */
  clockAheadMs?: number
  rules?: Partial<typeof CACHE_OPTIONS>
}

function stored(
  headers: string[],
  { status = 200, request = requestOf(), waitedMs = 0, clockAheadMs = 0, rules }: Said = {},
) {
  const arrival = { at: AT + clockAheadMs, wallClockAt: AT, waitedMs }
  return entryOf(request, answerOf(status, 'x', headers), { ...CACHE_OPTIONS, ...rules }, () => arrival)
}

/** Times of an entry as ms from its arrival. */
function timesOf(entry: CacheEntry | undefined) {
  if (entry === undefined) throw new Error('not stored')
  return {
    fresh: entry.freshUntil - AT,
    swr: entry.staleWhileRevalidateUntil - AT,
    sie: entry.staleIfErrorUntil - AT,
    stale: entry.staleUntil - AT,
    keep: entry.keepUntil - AT,
  }
}

describe('freshness', () => {
  test.each([
    ['nothing: the configured one', [], 2_000],
    ['max-age', ['cache-control', 'max-age=10'], 10_000],
    ['s-maxage before max-age', ['cache-control', 's-maxage=20, max-age=10'], 20_000],
    ['several lines', ['cache-control', 'public', 'cache-control', 'max-age=10'], 10_000],
    ['any case', ['cache-control', 'MAX-AGE=10'], 10_000],
    ['Expires less Date', ['date', DATE, 'expires', new Date(AT + 30_000).toUTCString()], 30_000],
    ['max-age before Expires', ['cache-control', 'max-age=5', 'date', DATE, 'expires', DATE], 5_000],
    ['Age counts', ['cache-control', 'max-age=10', 'age', '4'], 6_000],
    ['the first Age of a line', ['cache-control', 'max-age=10', 'age', '4,9'], 6_000],
    ['a Date of the last second is of now', ['cache-control', 'max-age=10', 'date', DATE], 10_000],
    ['a Date counts', ['cache-control', 'max-age=10', 'date', new Date(AT - 5_000).toUTCString()], 6_000],
    [
      'a Date ahead does not',
      ['cache-control', 'max-age=10', 'date', new Date(AT + 5_000).toUTCString()],
      10_000,
    ],
    ['nor any where no lifetime is named', ['date', new Date(AT - 5_000).toUTCString()], 2_000],
    ['no heuristic from Last-Modified', ['last-modified', 'Sun, 06 Nov 1994 08:49:37 GMT'], 2_000],
    ['immutable is no lifetime', ['cache-control', 'immutable'], 2_000],
  ])('%s', (_what, headers, freshMs) => {
    expect(timesOf(stored(headers)).fresh).toBe(freshMs)
  })

  test.each([
    ['max-age=0', ['cache-control', 'max-age=0']],
    ['a max-age that is no number', ['cache-control', 'max-age=soon']],
    ['an Expires in the past', ['date', DATE, 'expires', 'Sun, 06 Nov 1994 08:49:37 GMT']],
    ['an Expires that is no date', ['expires', '3600']],
    ['an Expires in two lines', ['expires', new Date(AT + 9e5).toUTCString(), 'expires', DATE]],
    ['no-cache', ['cache-control', 'no-cache, max-age=60']],
    ['no-cache for some fields', ['cache-control', 'no-cache="a, b", max-age=60']],
    ['Pragma: no-cache alone', ['pragma', 'no-cache']],
    ['an Age in several lines', ['cache-control', 'max-age=60', 'age', '0', 'age', '0']],
    ['an Age that is no number', ['cache-control', 'max-age=60', 'age', 'old']],
    ['an Age over max-age', ['cache-control', 'max-age=60', 'age', '61']],
    [
      'a Date that says the same',
      ['cache-control', 'max-age=60', 'date', new Date(AT - 61_000).toUTCString()],
    ],
    [
      'an Expires that is over, though it was long after its Date',
      ['date', new Date(AT - 3_600_000).toUTCString(), 'expires', new Date(AT - 1_800_000).toUTCString()],
    ],
  ])('there is none with %s', (_what, headers) => {
    expect(timesOf(stored(['etag', '"v"', ...headers])).fresh).toBeLessThanOrEqual(0)
  })

  test('does not end for a clock that was set back while the gateway ran', () => {
    const entry = stored(['cache-control', 'max-age=10', 'date', DATE], { clockAheadMs: 3_600_000 })
    expect(timesOf(entry).fresh).toBe(3_610_000)
  })

  test('is counted from when the answer was asked for', () => {
    expect(timesOf(stored([], { waitedMs: 300 })).fresh).toBe(1_700)
  })
})

describe('stale answers', () => {
  const rules = { cacheStaleWhileRevalidateMs: 5_000, cacheStaleMaxMs: 100_000 }
  test.each([
    ['as configured', 'max-age=10', { swr: 15_000, sie: 70_000, stale: 110_000 }],
    ['as said', 'max-age=10, stale-while-revalidate=1, stale-if-error=2', { swr: 11_000, sie: 12_000 }],
    [
      'never past the bound',
      'max-age=10, stale-while-revalidate=999, stale-if-error=999',
      { swr: 110_000, sie: 110_000 },
    ],
    [
      'must-revalidate',
      'max-age=10, must-revalidate, stale-if-error=9',
      { swr: 10_000, sie: 10_000, stale: 10_000 },
    ],
    ['proxy-revalidate', 'max-age=10, proxy-revalidate', { swr: 10_000, sie: 10_000, stale: 10_000 }],
    ['s-maxage forbids what is not said', 's-maxage=10', { swr: 10_000, sie: 10_000, stale: 10_000 }],
    ['s-maxage allows what is', 's-maxage=10, stale-if-error=9', { swr: 10_000, sie: 19_000, stale: 10_000 }],
    ['a negative one is none', 'max-age=10, stale-if-error=-9', { sie: 10_000 }],
  ])('%s: %s', (_what, directives, times) => {
    expect(timesOf(stored(['cache-control', directives], { rules }))).toMatchObject(times)
  })

  test('what has a validator is kept to be confirmed, as long as anything may be stale', () => {
    const kept = timesOf(stored(['cache-control', 'max-age=0, must-revalidate', 'etag', '"v"'], { rules }))
    expect(kept).toMatchObject({ fresh: 0, sie: 0, keep: 100_000 })
  })
})

describe('not stored is', () => {
  test.each([
    ['no-store', ['cache-control', 'No-Store, max-age=60']],
    ['private', ['cache-control', 'private, max-age=60']],
    ['private for some fields', ['cache-control', 'private="set-cookie", max-age=60']],
    ['Set-Cookie, though public', ['cache-control', 'public, max-age=60', 'set-cookie', 'session=1']],
    ['Vary: *', ['cache-control', 'max-age=60', 'vary', 'Accept, *']],
    ['no-store between semicolons', ['cache-control', 'max-age=60; no-store; private']],
    [
      'private between two lines’ quotes',
      ['cache-control', 'max-age=60, a="b', 'cache-control', 'private, c="d'],
    ],
    ['what is never fresh, never stale and cannot be confirmed', ['cache-control', 'no-cache']],
  ])('%s', (_what, headers) => expect(stored(headers)).toBeUndefined())

  test.each([201, 202, 302, 303, 307, 500, 502, 503, 504, 599])('a %i without a lifetime', status => {
    expect(stored([], { status })).toBeUndefined()
  })

  test.each([206, 400, 401, 403, 408, 413, 416, 429, 431])('a %i, whatever its lifetime', status => {
    expect(stored(['cache-control', 'public, max-age=60'], { status })).toBeUndefined()
  })

  test('an unknown status that asks to be understood', () => {
    expect(stored(['cache-control', 'max-age=60, must-understand'], { status: 599 })).toBeUndefined()
  })

  test('a part, whatever its status says', () => {
    expect(stored(['cache-control', 'max-age=60', 'content-range', 'bytes 0-0/10'])).toBeUndefined()
  })

  test('a body that is too long', () => {
    expect(stored([], { rules: { cacheMaxBodyBytes: 0 } })).toBeUndefined()
  })

  test('what a HEAD brought', () => {
    expect(stored([], { request: requestOf({ method: 'HEAD' }) })).toBeUndefined()
  })
})

describe('stored is', () => {
  test.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])('a %i without a lifetime', status => {
    expect(timesOf(stored([], { status })).fresh).toBe(2_000)
  })

  test.each([201, 299, 302, 307, 402, 409, 499, 599])('a %i with one', status => {
    expect(timesOf(stored(['cache-control', 'max-age=60'], { status })).fresh).toBe(60_000)
  })

  test.each([500, 502, 503, 504])(
    'a %i with a lifetime, no longer than an answer that has none, never stale',
    status => {
      const headers = ['cache-control', 'max-age=60, stale-if-error=60', 'etag', '"v"']
      expect(timesOf(stored(headers, { status }))).toEqual({
        fresh: 2_000,
        swr: 2_000,
        sie: 2_000,
        stale: 2_000,
        keep: 2_000,
      })
    },
  )

  test('what has a Content-Range that is none', () => {
    expect(stored(['cache-control', 'max-age=60', 'content-range', 'whatever'])).toBeDefined()
  })

  test('without the fields of one connection, one client, one moment; with a Date', () => {
    const entry = stored([
      'x-kept',
      '1',
      'age',
      '1',
      'proxy-authentication-info',
      'x',
      'cache-control',
      'max-age=9',
    ])
    expect(entry?.headers).toEqual(['x-kept', '1', 'cache-control', 'max-age=9', 'date', DATE])
  })
})

describe('a request that says who asks', () => {
  const authorized = requestOf({ headers: ['authorization', 'Bearer x'] })
  const known = requestOf({ headers: ['cookie', 'a=1'] })
  const keyed = requestOf({ headers: ['x-api-key', 'k'] })

  test.each([
    ['', false, false],
    ['max-age=60', false, false],
    ['must-revalidate', false, false],
    ['max-age=60, must-revalidate', true, false],
    ['max-age=60, public', true, true],
    ['s-maxage=60', true, true],
  ])('%j: stored for an Authorization %s, for a Cookie %s', (directives, forAuthorized, forCookie) => {
    const headers = directives === '' ? [] : ['cache-control', directives]
    expect(stored(headers, { request: authorized }) !== undefined).toBe(forAuthorized)
    expect(stored(headers, { request: known }) !== undefined).toBe(forCookie)
    expect(stored(headers, { request: keyed }) !== undefined).toBe(forCookie)
  })

  test('is answered for itself where the answer varies by what it says', () => {
    const headers = ['cache-control', 'max-age=60', 'vary', 'Cookie']
    expect(stored(headers, { request: known })).toBeDefined()
    expect(stored(headers, { request: keyed })).toBeUndefined()
    expect(stored(headers, { request: authorized })).toBeUndefined()
  })

  test.each([
    ['', 'anonymous'],
    ['max-age=60', 'labelled'],
    ['must-revalidate', 'anonymous'],
    ['public', 'everyone'],
    ['s-maxage=60', 'everyone'],
    ['must-revalidate, max-age=1', 'everyone'],
  ])('what was made for nobody in particular and says %j is for: %s', (directives, audience) => {
    expect(stored(directives === '' ? [] : ['cache-control', directives])?.audience).toBe(audience)
  })
})

describe('what is shared while it is fetched', () => {
  test.each([
    [[], true],
    [['cache-control', 'max-age=0'], true],
    [['if-none-match', '"v1"'], true],
    [['cache-control', 'no-cache'], false],
    [['cache-control', 'no-store'], false],
    [['cookie', 'a=1'], false],
    [['x-api-key', 'k'], false],
    [['authorization', 'x'], false],
    [['range', 'bytes=0-1'], false],
  ])('a request with %j: %s', (headers, isShared) => {
    expect(mayBeShared(requestOf({ headers }))).toBe(isShared)
  })

  test.each([
    [200, [], true],
    [404, [], true],
    [503, [], true],
    [400, [], false],
    [401, [], false],
    [403, [], false],
    [429, [], false],
    [200, ['set-cookie', 'a=1'], false],
    [200, ['cache-control', 'Private'], false],
    [200, ['cache-control', 'no-cache'], false],
    [200, ['cache-control', 'no-store'], false],
  ])('an answer of %i with %j: %s', (status, headers, isShared) => {
    expect(mayShareResponse(answerOf(status, 'x', headers))).toBe(isShared)
  })

  const whole = ['content-length', '10']
  test.each([
    ['has its length', whole, true],
    ['comes in chunks', ['transfer-encoding', 'Chunked '], true],
    ['comes in something like chunks', ['transfer-encoding', 'x-chunked'], false],
    ['comes in chunks of something', ['transfer-encoding', 'x, chunked'], false],
    ['ends with its connection', [], false],
    ['is coded as nobody knows', ['transfer-encoding', 'gzip'], false],
    ['is too long', ['content-length', '1001'], false],
    ['is a stream of events', [...whole, 'content-type', 'text/event-stream'], false],
    ['is private', [...whole, 'cache-control', 'private'], false],
    ['is not to be held up', [...whole, 'x-accel-buffering', 'no'], false],
  ])('an answer that %s is buffered: %s', (_what, headers, buffered) => {
    expect(isBuffered(requestOf(), 200, headers, 1_000)).toBe(buffered)
  })

  test('an answer to one client is buffered only where it may be for all', () => {
    const request = requestOf({ headers: ['cookie', 'a=1'] })
    expect(isBuffered(request, 200, whole, 1_000)).toBe(false)
    expect(isBuffered(request, 200, [...whole, 'cache-control', 'public'], 1_000)).toBe(true)
    expect(isBuffered(requestOf(), 206, whole, 1_000)).toBe(false)
    expect(isBuffered(requestOf({ method: 'HEAD' }), 200, [], 1_000)).toBe(true)
  })
})
