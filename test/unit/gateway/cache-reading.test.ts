// How the cache reads what both sides say: directives, dates, terms, conditions, ranges.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isKnownToClient, partOf } from '../../../src/cache/conditions.ts'
import { cacheControlOf, directiveMs, directivesOf } from '../../../src/cache/directives.ts'
import { httpDateMs } from '../../../src/cache/http-date.ts'
import { PLAIN } from '../../../src/cache/terms.ts'
import { requestOf } from '../../support/gateway-chain.ts'

describe('cache-control', () => {
  test.each([
    ['max-age=10, public', { 'max-age': '10', public: '' }],
    ['MaX-aGe=10,No-StOrE', { 'max-age': '10', 'no-store': '' }],
    ['max-age="10"', { 'max-age': '10' }],
    [
      'extension="max-age=3600, no-store", max-age=1',
      { extension: 'max-age=3600, no-store', 'max-age': '1' },
    ],
    ['no-cache="a, b", max-age=1', { 'no-cache': 'a, b', 'max-age': '1' }],
    ['a="b\\"c, d", no-store', { a: 'b\\"c, d', 'no-store': '' }],
    [', ,max-age=1,,', { 'max-age': '1' }],
    ['max-age=10, max-age=5', { 'max-age': '5' }],
    ['max-age=5, max-age=ten', { 'max-age': '' }],
    ['', {}],
  ])('%s', (field, directives) => {
    expect(Object.fromEntries(directivesOf(field))).toEqual(directives)
  })

  test.each(['a="b, no-store', '"a, no-store', 'a="\\", no-store', 'a=""", no-store'])(
    'a quote that is never closed hides no directive: %s',
    field => {
      expect(directivesOf(field).has('no-store')).toBe(true)
    },
  )

  test.each([
    ['max-age=60; private', 'private'],
    ['no-cache; No-Store; private', 'no-store'],
    ['max-age=60 no-store', 'no-store'],
    ['ext="a, private, ext2="b', 'private'],
    ['ext="a"; no-store; x="b"', 'no-store'],
    ['max-age=60, ext="a\nprivate, ext2="b"', 'private'],
    ['max-age=60, ext="a\nno-store, ext2="', 'no-store'],
  ])('what is mangled hides nothing of the strictest: %j', (field, name) => {
    expect(directivesOf(field).has(name)).toBe(true)
  })

  test.each(['x-private', 'no-store-ish', 'ext="no-store; private"', 'ext=" private"'])(
    'what only looks like it is none: %s',
    field => {
      expect([...directivesOf(field).keys()]).not.toEqual(expect.arrayContaining(['private']))
      expect(directivesOf(field).has('no-store')).toBe(false)
    },
  )

  test('each line of an answer is read for itself', () => {
    const headers = ['cache-control', 'max-age=60, ext="a', 'X', '1', 'cache-control', 'private, ext2="b']
    expect(directivesOf(cacheControlOf(headers)).has('private')).toBe(true)
    expect(cacheControlOf(['X', '1'])).toBeUndefined()
  })

  test('whatever stands before it outside of quotes, no-store is read', () => {
    const member = fc.stringMatching(/^[a-z=\\ -]{0,12}$/)
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), members => {
        expect(directivesOf([...members, 'no-store'].join(',')).has('no-store')).toBe(true)
      }),
      { seed: 9111, numRuns: 500 },
    )
  })

  test.each([
    ['max-age=10', 10_000],
    ['max-age=0010', 10_000],
    ['max-age=99999999999', 2 ** 31 * 1000],
    ['max-age=-1', 0],
    ['max-age=1.5', 0],
    ["max-age='10'", 0],
    ['max-age', 0],
    ['public', undefined],
  ])('%s counts as %s ms', (field, ms) => {
    expect(directiveMs(directivesOf(field), 'max-age')).toBe(ms)
  })
})

describe('a date', () => {
  const at = Date.UTC(1994, 10, 6, 8, 49, 37)
  test.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'is read in each of the three formats: %s',
    value => expect(httpDateMs(value)).toBe(at),
  )

  test('of two digits lies at most 50 years ahead', () => {
    const year = new Date().getUTCFullYear()
    const of = (ahead: number) =>
      `Sunday, 06-Nov-${String((year + ahead) % 100).padStart(2, '0')} 08:49:37 GMT`
    expect(new Date(httpDateMs(of(49))!).getUTCFullYear()).toBe(year + 49)
    expect(new Date(httpDateMs(of(51))!).getUTCFullYear()).toBe(year + 51 - 100)
  })

  test.each([
    '0',
    '3600',
    '-1',
    '',
    'tomorrow',
    'Thu, 18 Aug 2050 02:01:18 UTC',
    'Thu, 18 Foo 2050 02:01:18 GMT',
  ])('is nothing else, though Date.parse may think so: %j', value =>
    expect(httpDateMs(value)).toBeUndefined(),
  )
})

describe('the terms of a request', () => {
  const termsOf = (headers: string[], more = {}) => requestOf({ headers, ...more }).terms

  test('are the plain ones where it says nothing of caches', () => {
    expect(termsOf(['accept', 'text/html', 'user-agent', 'x'])).toBe(PLAIN)
  })

  test.each([
    [['authorization', 'Basic x'], { hasAuthorization: true }],
    [['cookie', 'a=1'], { credentials: ['cookie'] }],
    [['x-api-key', 'k', 'cookie', 'a=1'], { credentials: ['x-api-key', 'cookie'] }],
    [['cache-control', 'no-cache'], { mustValidate: true }],
    [['pragma', 'no-cache'], { mustValidate: true }],
    [['pragma', 'foo'], { mustValidate: false }],
    [['cache-control', 'max-age=5, min-fresh=3'], { maxAgeMs: 5_000, minFreshMs: 3_000 }],
    [['cache-control', 'max-stale'], { maxStaleMs: Number.POSITIVE_INFINITY }],
    [['cache-control', 'max-stale=7'], { maxStaleMs: 7_000 }],
    [['cache-control', 'only-if-cached'], { isOnlyIfCached: true }],
    [['cache-control', 'no-store'], { bypass: 'request' }],
    [['if-none-match', '"a"', 'if-none-match', '"b"'], { ifNoneMatch: '"a", "b"' }],
    [['if-modified-since', 'x'], { ifModifiedSince: 'x' }],
    [['if-match', '"a"'], { bypass: 'bypass' }],
    [['x-request-timeout-ms', '5'], { bypass: 'bypass' }],
    [['if-unmodified-since', 'x'], { bypass: 'bypass' }],
    [['range', 'bytes=0-9'], { range: 'bytes=0-9', bypass: undefined }],
    [['range', 'bytes=0-1,5-6'], { bypass: 'bypass' }],
    [['range', 'lines=1-2'], { bypass: 'bypass' }],
  ])('%j', (headers, terms) => {
    expect(termsOf(headers)).toEqual({ ...PLAIN, ...termsOf(headers), ...terms })
  })

  test.each([
    ...['cookie', 'x-api-key', 'apikey', 'private-token', 'x-vault-token', 'x-session-token', 'x-session-id'],
    ...[
      'x-user-id',
      'x-userid',
      'x-remote-user',
      'x-amzn-oidc-data',
      'cf-access-jwt-assertion',
      'x-authorization',
    ],
    ...['x-shopify-access-token', 'ocp-apim-subscription-key', 'x-client-cert', 'x-forwarded-email', 'dpop'],
    ...['x-ms-client-principal', 'x-goog-authenticated-user-email', 'session', 'x-uid', 'x-csrf-token'],
  ])('say who asks by %s', name => {
    expect(termsOf([name, 'x'])).toEqual({ ...PLAIN, credentials: [name] })
  })

  test.each([
    ...[
      'user-agent',
      'x-original-user-agent',
      'sec-fetch-user',
      'sec-ch-ua',
      'accept-language',
      'traceparent',
    ],
    ...['x-request-id', 'x-forwarded-for', 'x-tenant', 'origin', 'referer', 'dnt', 'x-guid'],
  ])('do not by %s', name => {
    expect(termsOf([name, 'x'])).toBe(PLAIN)
  })

  test('are read as before when clients have made up more names than are remembered', () => {
    for (let count = 0; count < 3_000; count += 1) termsOf([`x-made-up-${count}`, 'x'])
    expect(termsOf(['cache-control', 'no-store']).bypass).toBe('request')
    expect(termsOf(['cookie', 'a=1', 'x-vault-token', 't']).credentials).toEqual(['cookie', 'x-vault-token'])
    expect(termsOf(['user-agent', 'x'])).toBe(PLAIN)
  })

  test('a write and a read with a body have nothing to do with a cache', () => {
    expect(termsOf([], { method: 'POST' }).bypass).toBe('method')
    expect(termsOf([], { body: {} }).bypass).toBe('bypass')
  })
})

describe('a condition', () => {
  const etag = ['etag', '"v1"', 'last-modified', 'Sun, 06 Nov 1994 08:49:37 GMT']
  test.each([
    ['"v1"', true],
    ['W/"v1"', true],
    ['"a", "b,c", "v1"', true],
    ['*', true],
    ['v1', false],
    ['"v2"', false],
    ['"a,"v1', false],
  ])('If-None-Match: %s', (ifNoneMatch, isKnown) => {
    expect(isKnownToClient({ ...PLAIN, ifNoneMatch }, etag)).toBe(isKnown)
  })

  test.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', true],
    ['Sun, 06 Nov 1994 08:49:38 GMT', true],
    ['Sunday, 06-Nov-94 08:49:37 GMT', true],
    ['Sun, 06 Nov 1994 08:49:36 GMT', false],
    ['whenever', false],
  ])('If-Modified-Since: %s', (ifModifiedSince, isKnown) => {
    expect(isKnownToClient({ ...PLAIN, ifModifiedSince }, etag)).toBe(isKnown)
    const dated = ['date', 'Sun, 06 Nov 1994 08:49:37 GMT']
    expect(isKnownToClient({ ...PLAIN, ifModifiedSince }, dated)).toBe(isKnown)
    // If-None-Match goes first, whatever the date says.
    expect(isKnownToClient({ ...PLAIN, ifModifiedSince, ifNoneMatch: '"other"' }, etag)).toBe(false)
  })
})

describe('a range of 10 bytes', () => {
  test.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=2-5', { first: 2, last: 5 }],
    ['bytes=7-', { first: 7, last: 9 }],
    ['bytes=7-100', { first: 7, last: 9 }],
    ['bytes=-3', { first: 7, last: 9 }],
    ['bytes=-100', { first: 0, last: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', undefined],
  ])('%s', (range, part) => {
    expect(partOf({ ...PLAIN, range }, [], 10)).toEqual(part)
  })

  test('is the whole where If-Range names another answer', () => {
    const headers = ['etag', '"v1"', 'last-modified', 'Sun, 06 Nov 1994 08:49:37 GMT']
    const part = { first: 0, last: 1 }
    const of = (ifRange: string, fields = headers) =>
      partOf({ ...PLAIN, range: 'bytes=0-1', ifRange }, fields, 10)
    expect(of('"v1"')).toEqual(part)
    expect(of('Sun, 06 Nov 1994 08:49:37 GMT')).toEqual(part)
    expect(of('"v2"')).toBeUndefined()
    expect(of('Sun, 06 Nov 1994 08:49:38 GMT')).toBeUndefined()
    expect(of('W/"v1"', ['etag', 'W/"v1"'])).toBeUndefined()
  })
})
