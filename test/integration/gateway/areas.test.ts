import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json([{ id: 1 }, { id: 2 }]))
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, CACHE_FRESH_MS: '60000', ...PATIENT })
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const getAreas = () => fetch(`${gateway.url}/aggregate/areas`)

test('GET /health says ok, and never asks the upstream', async () => {
  await upstream.refuse()
  const answer = await fetch(`${gateway.url}/health`)
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }])
  expect(answer.headers.get('cache-status')).toBeNull()
})

describe('GET /aggregate/areas', () => {
  test('answers the upstream’s list and when it was fetched', async () => {
    const before = Date.now()
    const answer = await getAreas()
    const { items, aggregated_at: at } = (await answer.json()) as { items: unknown; aggregated_at: string }
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(items).toEqual([{ id: 1 }, { id: 2 }])
    expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    // A clock's tolerance of 5 ms: the gateway's is monotonic, this one is not.
    expect(Date.parse(at)).toBeGreaterThanOrEqual(before - 5)
    expect(Date.parse(at)).toBeLessThanOrEqual(Date.now() + 5)
    expect(upstream.requests[0]?.url).toBe('/areas')
  })

  test('passes the list’s text on as it is', async () => {
    upstream.answer = (_request, response) => response.end('[ {"id": 1.50, "id2":1e3, "ü":"\\u00fc"} ]')
    expect(await (await getAreas()).text()).toMatch(
      /^\{"items":\[ \{"id": 1\.50, "id2":1e3, "ü":"\\u00fc"\} \],"aggregated_at":"[^"]+"\}$/,
    )
  })

  test.each(['all', 'none'])(
    'asks the upstream for the list, whatever a client has, with GUARDS=%s',
    async guards => {
      const other = await startGateway({ UPSTREAM_URL: upstream.url, GUARDS: guards, ...PATIENT })
      upstream.answer = (request, response) => {
        if (request.headers['if-none-match'] === undefined) json([1], { etag: '"v1"' })(request, response)
        else response.writeHead(304, { etag: '"v1"' }).end()
      }
      const headers = { 'if-none-match': '"v1"' }
      const answer = await fetch(`${other.url}/aggregate/areas`, { headers })
      await other.close()
      expect([answer.status, await answer.json()]).toMatchObject([200, { items: [1] }])
    },
  )

  test('a cached answer keeps the moment it was fetched', async () => {
    const first = await (await getAreas()).text()
    const second = await getAreas()
    expect(await second.text()).toBe(first)
    expect(second.headers.get('cache-status')).toMatch(/^leeward; hit; ttl=59/)
    expect(upstream.requests.length).toBe(1)
  })

  test.each([
    ['an object', '{"areas":[]}', {}],
    ['not JSON', '[1,2', {}],
    ['nothing', '', {}],
    ['text that is not UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), {}],
    ['a compressed list nobody asked for', '[]', { 'content-encoding': 'gzip' }],
    ['a part of a list', '[]', { 'content-range': 'bytes 0-1/10' }],
  ])('%s is a 502 upstream-invalid and is never cached', async (_what, body, headers) => {
    upstream.answer = (_request, response) =>
      response.writeHead(200, headers as Record<string, string>).end(body)
    for (const calls of [1, 2]) {
      const answer = await getAreas()
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
        502,
        'upstream-invalid',
      ])
      expect(upstream.requests.length).toBe(calls)
    }
  })

  test.each([
    ['a second line that says no-store', ['cache-control', 'max-age=60', 'cache-control', 'no-store']],
    ['a second line that says private', ['cache-control', 'max-age=60', 'cache-control', 'private']],
    ['Pragma', ['pragma', 'no-cache']],
    ['Vary: *', ['cache-control', 'max-age=60', 'vary', '*']],
    ['Set-Cookie', ['cache-control', 'max-age=60', 'set-cookie', 'a=b']],
  ])('what forbids to store the list forbids it here: %s', async (_what, headers) => {
    upstream.answer = (_request, response) => response.writeHead(200, headers).end('[]')
    for (const calls of [1, 2]) {
      const answer = await getAreas()
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, null])
      expect(upstream.requests.length).toBe(calls)
    }
  })

  test('a HEAD gets the fields of a GET, cached or not', async () => {
    for (const calls of [1, 1]) {
      const head = await fetch(`${gateway.url}/aggregate/areas`, { method: 'HEAD' })
      expect([head.status, await head.text(), upstream.requests.length]).toEqual([200, '', calls])
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(
        '{"items":[],"aggregated_at":""}'.length,
      )
    }
  })

  test('an answer of the upstream that is no list is not passed on', async () => {
    upstream.answer = json({ message: 'no such thing' }, {}, 404)
    expect([(await getAreas()).status, upstream.requests.length]).toEqual([502, 1])
  })

  test('a failing upstream is a 502 upstream-error', async () => {
    upstream.answer = json({ message: 'oops' }, {}, 500)
    const answer = await getAreas()
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, 'upstream-error'])
  })

  test('the bare gateway aggregates too', async () => {
    const bare = await startGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none' })
    const answer = await fetch(`${bare.url}/aggregate/areas`)
    expect(((await answer.json()) as { items: unknown }).items).toEqual([{ id: 1 }, { id: 2 }])
    expect(answer.headers.get('cache-status')).toBe('leeward; fwd=bypass; fwd-status=200')
    await bare.close()
  })
})
