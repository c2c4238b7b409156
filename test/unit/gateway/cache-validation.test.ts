// Conditional requests: those of the cache to the upstream, and those of clients to the cache.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import { cache } from '../../../src/guards/cache.ts'
import { compose, type GatewayResponse, type Next } from '../../../src/guards/guard.ts'
import type { GatewayRequest } from '../../../src/guards/request.ts'
import { singleFlight } from '../../../src/guards/single-flight.ts'
import { headerListOf, headerOf } from '../../../src/headers.ts'
import { answerOf, CACHE_OPTIONS, requestOf, settle, teller } from '../../support/gateway-chain.ts'

const LAST_MODIFIED = 'Sun, 06 Nov 1994 08:49:37 GMT'
let answer: GatewayResponse
/** The answer to who asks on conditions, where that is another. */
let confirmation: GatewayResponse | undefined
let asked: GatewayRequest[]
let run: (request?: GatewayRequest) => Promise<GatewayResponse>
beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  confirmation = undefined
  const guard = cache(memoryStore({ cacheMaxBytes: 100_000 }), CACHE_OPTIONS, teller().tell)
  run = (request = requestOf()) =>
    guard(request, async request => {
      asked.push(request)
      // Each its own, as an upstream gives them.
      const isConditional = conditionsOf(request).some(condition => condition !== undefined)
      return { ...((isConditional && confirmation) || answer) }
    })
})
afterEach(() => void vi.useRealTimers())

const conditionsOf = (request: GatewayRequest | undefined) =>
  ['if-none-match', 'if-modified-since'].map(name => headerListOf(request!.parts.headers, name))
const notModified = (headers: string[]): GatewayResponse => answerOf(304, '', headers)

async function store(headers: string[]): Promise<void> {
  answer = answerOf(200, 'stored', headers)
  await run()
  vi.advanceTimersByTime(10_000)
}

describe('what is stale and has a validator', () => {
  test.each([
    ['an ETag', ['etag', '"v1"'], ['"v1"', undefined]],
    ['a weak ETag', ['etag', 'W/"v1"'], ['W/"v1"', undefined]],
    ['a date', ['last-modified', LAST_MODIFIED], [undefined, LAST_MODIFIED]],
    ['both', ['etag', '"v1"', 'last-modified', LAST_MODIFIED], ['"v1"', LAST_MODIFIED]],
  ])('%s, is asked about, and a 304 makes it fresh again', async (_what, validators, conditions) => {
    await store([...validators, 'cache-control', 'max-age=5', 'x-old', '1'])
    answer = notModified([...validators, 'cache-control', 'max-age=20', 'x-new', '2'])
    const request = requestOf()
    const confirmed = await run(request)
    expect(conditionsOf(asked[1])).toEqual(conditions)
    expect([confirmed.status, String(confirmed.body)]).toEqual([200, 'stored'])
    expect([headerOf(confirmed.headers, 'x-old'), headerOf(confirmed.headers, 'x-new')]).toEqual(['1', '2'])
    expect(headerOf(confirmed.headers, 'age')).toBe('0')
    expect(request.trace).toMatchObject({ forwarded: 'stale', forwardedStatus: 304, isStored: true })
    vi.advanceTimersByTime(19_999)
    expect(headerListOf((await run()).headers, 'cache-control')).toBe('max-age=20')
    expect(asked.length).toBe(2)
  })

  test('is replaced by whatever else the upstream answers', async () => {
    await store(['etag', '"v1"'])
    answer = answerOf(200, 'new', ['etag', '"v2"'])
    expect(String((await run()).body)).toBe('new')
    expect(String((await run()).body)).toBe('new')
    expect(asked.length).toBe(2)
  })

  test('stands for what describes its bytes: a 304 does not change that', async () => {
    const described = ['etag', '"v1"', 'content-encoding', 'gzip', 'content-length', '6']
    await store([...described, 'content-type', 'text/plain'])
    answer = notModified([
      'etag',
      '"v1"',
      'content-encoding',
      'br',
      'content-length',
      '9',
      'content-type',
      'text/html',
    ])
    const { headers } = await run()
    const values = ['content-encoding', 'content-length', 'content-type'].map(name =>
      headerListOf(headers, name),
    )
    expect(values).toEqual(['gzip', '6', 'text/html'])
  })

  test('is renewed by a 304 that names none: there was one to speak of', async () => {
    await store(['etag', '"v1"', 'last-modified', LAST_MODIFIED, 'x-old', '1'])
    answer = notModified(['x-old', '2'])
    const { headers } = await run()
    expect([headerListOf(headers, 'etag'), headerListOf(headers, 'x-old')]).toEqual(['"v1"', '2'])
  })

  test('is renewed by a 304 that names it among others', async () => {
    await store(['etag', '"v0"', 'etag', '"v1"'])
    answer = notModified(['etag', '"v2"', 'etag', 'W/"v1"'])
    expect(String((await run()).body)).toBe('stored')
    expect(asked.length).toBe(2)
  })

  test('holds though the 304 names another ETag, whose fields are not taken over', async () => {
    await store(['etag', '"v1"', 'x-old', '1'])
    answer = notModified(['etag', '"v2"', 'x-old', '2'])
    const { headers } = await run()
    expect([headerOf(headers, 'etag'), headerOf(headers, 'x-old')]).toEqual(['"v1"', '1'])
    await run()
    expect(asked.length).toBe(2)
  })

  test.each([
    ['a tag, asked by date', ['last-modified', LAST_MODIFIED], ['etag', '"v2"']],
    ['another date', ['last-modified', LAST_MODIFIED], ['last-modified', 'Mon, 07 Nov 1994 08:49:37 GMT']],
  ])('is not renewed by a 304 with %s: the whole is asked for', async (_what, validators, others) => {
    await store(validators)
    answer = answerOf(200, 'now', others)
    confirmation = notModified(others)
    const { body } = await run(requestOf({ headers: ['if-none-match', '"client"'] }))
    expect([String(body), String((await run()).body), asked.length]).toEqual(['now', 'now', 3])
    expect(conditionsOf(asked[2])).toEqual([undefined, undefined])
  })

  test('is confirmed long after it may stand in for anything', async () => {
    await store(['etag', '"v1"', 'cache-control', 'max-age=1, must-revalidate'])
    vi.advanceTimersByTime(3_000_000)
    answer = notModified(['etag', '"v1"'])
    expect(String((await run()).body)).toBe('stored')
  })

  test('is forgotten when the 304 makes it private', async () => {
    await store(['etag', '"v1"'])
    answer = notModified(['etag', '"v1"', 'cache-control', 'private'])
    expect(String((await run()).body)).toBe('stored')
    answer = answerOf(200, 'asked anew')
    expect(String((await run()).body)).toBe('asked anew')
    expect(conditionsOf(asked[2])).toEqual([undefined, undefined])
  })

  test('a cookie of the 304 is for the one who asked', async () => {
    await store(['etag', '"v1"'])
    answer = notModified(['etag', '"v1"', 'set-cookie', 'session=one'])
    expect(headerOf((await run()).headers, 'set-cookie')).toBe('session=one')
    expect(headerOf((await run()).headers, 'set-cookie')).toBeUndefined()
    expect(asked.length).toBe(2)
  })

  test('what a client with a cookie has confirmed is not stored with what it was told', async () => {
    await store(['etag', '"v1"', 'cache-control', 'max-age=5'])
    answer = notModified(['etag', '"v1"', 'x-user', 'one'])
    const own = await run(requestOf({ headers: ['cookie', 'a=1'] }))
    expect([String(own.body), headerOf(own.headers, 'x-user')]).toEqual(['stored', 'one'])
    answer = notModified(['etag', '"v1"'])
    expect(headerOf((await run()).headers, 'x-user')).toBeUndefined()
  })
})

describe('a client that has an answer already', () => {
  const conditional = (tag: string) => requestOf({ headers: ['if-none-match', tag] })

  test('gets 304 from what is fresh, without what describes the bytes', async () => {
    answer = answerOf(200, 'stored', ['etag', '"v1"', 'content-type', 'text/plain', 'vary', 'X'])
    await run()
    const { status, headers, body } = await run(conditional('W/"v1"'))
    expect([status, String(body)]).toEqual([304, ''])
    const names = ['etag', 'vary', 'age', 'content-type'].map(name => headerOf(headers, name))
    expect(names).toEqual(['"v1"', 'X', '0', undefined])
    expect((await run(conditional('"v2"'))).status).toBe(200)
    expect(asked.length).toBe(1)
  })

  test('is asked for with its own conditions where nothing is known', async () => {
    answer = notModified(['etag', '"client"'])
    expect((await run(conditional('"client"'))).status).toBe(304)
    expect(conditionsOf(asked[0])).toEqual(['"client"', undefined])
    answer = answerOf(200, 'whole')
    expect(String((await run()).body)).toBe('whole')
  })

  test('is asked for with the cache’s where something stale is, and its own are decided here', async () => {
    await store(['etag', '"v1"'])
    answer = notModified(['etag', '"v1"'])
    expect(String((await run(conditional('"client"'))).body)).toBe('stored')
    expect(conditionsOf(asked[1])).toEqual(['"v1"', undefined])
    vi.advanceTimersByTime(10_000)
    answer = answerOf(200, 'new', ['etag', '"client"'])
    expect((await run(conditional('"client"'))).status).toBe(304)
    expect(String((await run()).body)).toBe('new')
  })
})

describe('a part', () => {
  test('is cut from a whole stored answer', async () => {
    answer = answerOf(200, '0123456789', ['content-length', '10'])
    await run()
    const part = await run(requestOf({ headers: ['range', 'bytes=2-4'] }))
    expect([part.status, String(part.body)]).toEqual([206, '234'])
    expect(headerListOf(part.headers, 'content-range')).toBe('bytes 2-4/10')
    expect(headerListOf(part.headers, 'content-length')).toBe('3')
    const none = await run(requestOf({ headers: ['range', 'bytes=10-'] }))
    expect([none.status, headerOf(none.headers, 'content-range')]).toEqual([416, 'bytes */10'])
    expect((await run(requestOf({ method: 'HEAD', headers: ['range', 'bytes=2-4'] }))).status).toBe(200)
    expect(asked.length).toBe(1)
  })

  test('is the upstream’s to give where nothing whole is known, and is not stored', async () => {
    answer = answerOf(206, '234', ['content-range', 'bytes 2-4/10', 'cache-control', 'max-age=60'])
    const part = () => run(requestOf({ headers: ['range', 'bytes=2-4'] }))
    expect([(await part()).status, (await part()).status, asked.length]).toEqual([206, 206, 2])
    expect(headerOf(asked[0]!.parts.headers, 'range')).toBe('bytes=2-4')
  })
})

describe('variants that have the same validator', () => {
  const tenant = (name: string) => requestOf({ headers: ['x-tenant', name] })
  const known = ['last-modified', LAST_MODIFIED, 'cache-control', 'max-age=1']

  test.each([true, false])(
    'are confirmed each for its own clients, the calls shared: %s, though the 304 has no Vary',
    async isShared => {
      const confirmation = notModified(known)
      const upstream: Next = async request => {
        await settle()
        if (request.header('if-modified-since') === undefined)
          return answerOf(200, `rows of ${request.header('x-tenant')}`, [...known, 'vary', 'X-Tenant'])
        // One and the same for all, as those have it who share a call.
        return confirmation
      }
      const guard = cache(memoryStore({ cacheMaxBytes: 100_000 }), CACHE_OPTIONS, teller().tell)
      const guards = isShared ? [guard, singleFlight({ deadlineMs: 400 }, teller().tell)] : [guard]
      const read = async (name: string) => String((await compose(guards, upstream)(tenant(name))).body)
      for (const name of ['alice', 'bob']) await read(name)
      vi.advanceTimersByTime(10_000)
      expect(await Promise.all(['alice', 'bob'].map(read))).toEqual(['rows of alice', 'rows of bob'])
    },
  )
})
