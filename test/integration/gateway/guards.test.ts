import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawGet } from '../../support/gateway-raw.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
const open: TestGateway[] = []
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(gateway => gateway.close()))
  await upstream.close()
})

async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({ UPSTREAM_URL: upstream.url, RATE_LIMIT_MAX: '100000', ...settings })
  open.push(gateway)
  return gateway
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { code: string }).code
}

/** What a busy machine may add to a limit before a test calls it missed. */
const TOLERANCE_MS = 250

async function twice(gateway: TestGateway, options: RequestInit = {}): Promise<Response> {
  await (await fetch(`${gateway.url}/proxy/x`, options)).text()
  return fetch(`${gateway.url}/proxy/x`, options)
}

describe('cache', () => {
  test('answers a fresh read itself, with Age and Cache-Status', async () => {
    const gateway = await start()
    const first = await fetch(`${gateway.url}/proxy/x`)
    expect(first.headers.get('cache-status')).toBe('leeward; fwd=uri-miss; fwd-status=200; stored')
    expect(first.headers.get('age')).toBeNull()
    const second = await fetch(`${gateway.url}/proxy/x`)
    expect(second.headers.get('cache-status')).toBe('leeward; hit; ttl=1')
    expect(second.headers.get('age')).toBe('0')
    expect(await second.text()).toBe(await first.text())
    expect(upstream.requests.length).toBe(1)
  })

  test.each([
    ['no-store', { 'cache-control': 'no-store' }],
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['no-cache', { 'cache-control': 'no-cache' }],
    ['Set-Cookie', { 'set-cookie': 'session=1' }],
    ['Vary: *', { vary: '*' }],
  ])('does not store an answer with %s', async (_what, headers) => {
    upstream.answer = json({ ok: true }, headers as Record<string, string>)
    const gateway = await start()
    expect((await twice(gateway)).headers.get('cache-status')).toBe('leeward; fwd=uri-miss; fwd-status=200')
    expect(upstream.requests.length).toBe(2)
  })

  test.each([
    ['Authorization', { authorization: 'Bearer x' }, 'bypass'],
    ['Cookie', { cookie: 'a=1' }, 'bypass'],
    ['Range', { range: 'bytes=0-1' }, 'bypass'],
    ['Cache-Control: no-cache', { 'cache-control': 'no-cache' }, 'request'],
  ])('asks the upstream for a request with %s', async (_what, headers, reason) => {
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    const answer = await twice(gateway, { headers: headers as Record<string, string> })
    expect(answer.headers.get('cache-status')).toBe(`leeward; fwd=${reason}; fwd-status=200`)
    expect(upstream.requests.length).toBe(3)
  })
})

describe('cache, by the fields of an answer', () => {
  test('keeps the variants that Vary names apart', async () => {
    upstream.answer = (request, response) =>
      json({ language: request.headers['accept-language'] }, { vary: 'Accept-Language' })(request, response)
    const gateway = await start()
    const read = async (language: string) => {
      const answer = await fetch(`${gateway.url}/proxy/x`, { headers: { 'accept-language': language } })
      return ((await answer.json()) as { language: string }).language
    }
    expect([await read('de'), await read('fr'), await read('de'), await read('fr')]).toEqual([
      ...['de', 'fr', 'de', 'fr'],
    ])
    expect(upstream.requests.length).toBe(2)
  })

  test('s-maxage and max-age of the upstream go before the default', async () => {
    upstream.answer = json({}, { 'cache-control': 'max-age=5, s-maxage=100', age: '10' })
    const answer = await twice(await start())
    expect(answer.headers.get('cache-status')).toBe('leeward; hit; ttl=89')
    expect(answer.headers.get('age')).toBe('10')
  })

  test('a HEAD is answered from what a GET brought', async () => {
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    const answer = await fetch(`${gateway.url}/proxy/x`, { method: 'HEAD' })
    expect(answer.headers.get('cache-status')).toBe('leeward; hit; ttl=1')
    expect(answer.headers.get('content-length')).toBe('11')
    expect(upstream.requests.length).toBe(1)
  })

  test('a client that has the answer already gets 304', async () => {
    upstream.answer = json({ ok: true }, { etag: '"v1"' })
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    const { status, text } = await rawGet(gateway.port, '/proxy/x', ['If-None-Match: W/"v1"'])
    expect(status).toBe(304)
    expect(text).toContain('etag: "v1"')
    expect(text).not.toMatch(/content-length|ok/i)
    expect(upstream.requests.length).toBe(1)
  })

  test('a write that succeeds makes the next read ask again', async () => {
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    await fetch(`${gateway.url}/proxy/x`, { method: 'POST', body: '{}' })
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect(answer.headers.get('cache-status')).toContain('fwd=uri-miss')
  })

  test('an answer too long to be cached streams', async () => {
    const gateway = await start({ CACHE_MAX_BODY_BYTES: '1000' })
    upstream.answer = (_request, response) => {
      // Without a length: found out half-way.
      for (let count = 0; count < 10; count += 1) response.write('x'.repeat(500))
      response.end()
    }
    const answer = await twice(gateway)
    expect(await answer.text()).toBe('x'.repeat(5_000))
    expect(answer.headers.get('cache-status')).toBe('leeward; fwd=uri-miss; fwd-status=200')
  })
})

describe('cache, when the upstream fails', () => {
  test('a stale answer stands in for an upstream that refuses, with its age and a negative ttl', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '50' })
    const first = await (await fetch(`${gateway.url}/aggregate/areas`)).json()
    upstream.answer = json([1])
    const fresh = await (await fetch(`${gateway.url}/aggregate/areas`)).text()
    await upstream.refuse()
    const answer = await eventually(async () => {
      const next = await fetch(`${gateway.url}/aggregate/areas`)
      expect(next.headers.get('cache-status')).toBe('leeward; hit; ttl=-1; detail=upstream-unreachable')
      return next
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('age')).toBe('0')
    expect(await answer.text()).toBe(fresh)
    expect(first).toMatchObject({ code: 'upstream-invalid' })
  })

  test.each([500, 502, 503, 504])('a stale answer stands in for a %i', async status => {
    const gateway = await start({ CACHE_FRESH_MS: '0' })
    await fetch(`${gateway.url}/proxy/x`)
    upstream.answer = json({ broken: true }, {}, status)
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
    expect(answer.headers.get('cache-status')).toMatch(/^leeward; hit; ttl=-1; detail=upstream-/)
  })

  test('a stale answer stands in for an upstream that is silent, inside the deadline', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '0' })
    await fetch(`${gateway.url}/proxy/x`)
    upstream.answer = silence
    const before = performance.now()
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect(performance.now() - before).toBeLessThan(400 + TOLERANCE_MS)
    expect(answer.headers.get('cache-status')).toMatch(/ttl=-1; detail=(attempt-timeout|deadline-exceeded)$/)
  })

  test('a 404 is the upstream’s answer: no stale one hides it', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '0' })
    await fetch(`${gateway.url}/proxy/x`)
    upstream.answer = json({}, {}, 404)
    expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(404)
  })

  test('past its bound a stale answer is not served', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '0', CACHE_STALE_IF_ERROR_MS: '100' })
    await fetch(`${gateway.url}/proxy/x`)
    await upstream.refuse()
    await eventually(async () => expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(502))
  })

  test('must-revalidate forbids to serve it stale', async () => {
    upstream.answer = json({}, { 'cache-control': 'max-age=0, must-revalidate' })
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    await upstream.refuse()
    expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(502)
  })

  test('stale-while-revalidate answers at once and refreshes once in the background', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '100', CACHE_STALE_WHILE_REVALIDATE_MS: '60000' })
    await fetch(`${gateway.url}/proxy/x`)
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({ renewed: true })(request, response))
    await eventually(async () => {
      const answer = await fetch(`${gateway.url}/proxy/x`)
      expect(answer.headers.get('cache-status')).toBe('leeward; hit; ttl=-1')
      expect(await answer.json()).toEqual({ ok: true })
    })
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${gateway.url}/proxy/x`)))
    expect(held.length).toBe(1)
    held[0]?.()
    await eventually(async () =>
      expect(await (await fetch(`${gateway.url}/proxy/x`)).json()).toEqual({ renewed: true }),
    )
  })
})

describe('single flight', () => {
  test('40 identical reads of a slow upstream become one call', async () => {
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({ ok: 1 })(request, response))
    const gateway = await start(PATIENT)
    const reads = Array.from({ length: 40 }, () => fetch(`${gateway.url}/proxy/x`))
    await eventually(async () => expect((await gateway.counts())['rate-limit.admitted']).toBe(40))
    expect(held.length).toBe(1)
    held[0]?.()
    const answers = await Promise.all(reads)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const collapsed = answers.filter(({ headers }) => headers.get('cache-status')?.endsWith('; collapsed'))
    expect(collapsed.length).toBe(39)
    expect(upstream.requests.length).toBe(1)
  })

  test('the call lives until its last waiter has left', async () => {
    let isEnded = false
    upstream.answer = (_request, response) => {
      response.on('close', () => {
        isEnded = true
      })
    }
    const gateway = await start(PATIENT)
    const clients = [0, 1].map(() => httpRequest(`${gateway.url}/proxy/x`).on('error', () => {}))
    for (const client of clients) client.end()
    await eventually(async () => expect((await gateway.counts())['cache.miss']).toBe(2))
    clients[0]?.destroy()
    await eventually(async () => expect((await gateway.counts())['requests.client-gone']).toBe(1))
    expect(isEnded).toBe(false)
    clients[1]?.destroy()
    await eventually(() => expect(isEnded).toBe(true))
  })
})

describe('deadline, attempt limit and retry', () => {
  test('a silent upstream is a 504 after two attempts, inside the deadline', async () => {
    upstream.answer = silence
    const gateway = await start({ CACHE: 'off' })
    const before = performance.now()
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect(performance.now() - before).toBeLessThan(400 + TOLERANCE_MS)
    expect(answer.status).toBe(504)
    expect(['attempt-timeout', 'deadline-exceeded']).toContain(await codeOf(answer))
    expect(upstream.requests.length).toBe(2)
  })

  test('without an attempt limit the deadline ends the call itself', async () => {
    let isEnded = false
    upstream.answer = (_request, response) => {
      response.on('close', () => {
        isEnded = true
      })
    }
    const gateway = await start({ GUARDS: 'deadline', DEADLINE_MS: '100' })
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect([answer.status, await codeOf(answer)]).toEqual([504, 'deadline-exceeded'])
    await eventually(() => expect(isEnded).toBe(true))
  })

  test('a reset is forgiven once for a read, and never for a write', async () => {
    upstream.answer = (request, response) => {
      if (upstream.requests.length % 2 === 1) request.socket.resetAndDestroy()
      else json({ ok: true })(request, response)
    }
    const gateway = await start({ CACHE: 'off' })
    expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200)
    expect(upstream.requests.length).toBe(2)
    const write = await fetch(`${gateway.url}/proxy/x`, { method: 'POST', body: '{}' })
    expect([write.status, upstream.requests.length]).toEqual([502, 3])
  })

  test('a request with a body is never sent twice, though its method is idempotent', async () => {
    upstream.answer = json({}, {}, 503)
    const gateway = await start()
    const answer = await fetch(`${gateway.url}/proxy/x`, { method: 'PUT', body: '{}' })
    expect([answer.status, upstream.requests.length]).toEqual([503, 1])
  })
})

describe('bulkhead', () => {
  test('refuses the call that is one too many, and has room again when one has ended', async () => {
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({})(request, response))
    const gateway = await start({ BULKHEAD_MAX: '2', GUARDS: 'bulkhead' })
    const calls = [1, 2].map(id => fetch(`${gateway.url}/proxy/${id}`))
    await eventually(() => expect(held.length).toBe(2))
    const refused = await fetch(`${gateway.url}/proxy/3`)
    expect([refused.status, refused.headers.get('retry-after'), await codeOf(refused)]).toEqual([
      ...[503, '1', 'bulkhead-full'],
    ])
    expect(upstream.requests.length).toBe(2)
    for (const release of held) release()
    await Promise.all(calls)
    upstream.answer = json({})
    expect((await fetch(`${gateway.url}/proxy/4`)).status).toBe(200)
  })
})

describe('breaker', () => {
  const settings = { GUARDS: 'breaker', BREAKER_LEAST_CALLS: '5', BREAKER_RESET_MS: '400' }

  test('opens on failures, refuses with Retry-After, spares the upstream, probes, and closes', async () => {
    upstream.answer = json({}, {}, 500)
    const gateway = await start(settings)
    for (let count = 0; count < 5; count += 1) await fetch(`${gateway.url}/proxy/x`)
    upstream.answer = json({ ok: true })
    const refused = await fetch(`${gateway.url}/proxy/x`)
    expect([refused.status, refused.headers.get('retry-after'), await codeOf(refused)]).toEqual([
      ...[503, '1', 'breaker-open'],
    ])
    expect(upstream.requests.length).toBe(5)
    await eventually(async () => expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200))
    expect((await gateway.counts())['breaker.probed']).toBe(1)
  })

  test('a read that the breaker refuses is answered stale', async () => {
    const gateway = await start({ ...settings, GUARDS: 'cache,breaker', CACHE_FRESH_MS: '0' })
    await fetch(`${gateway.url}/proxy/known`)
    await upstream.refuse()
    for (let count = 0; count < 5; count += 1) await fetch(`${gateway.url}/proxy/unknown`)
    const answer = await fetch(`${gateway.url}/proxy/known`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-status')).toBe('leeward; hit; ttl=-1; detail=breaker-open')
  })
})

test('every answer of the chain has a Cache-Status, whatever is off', async () => {
  for (const guards of ['all', 'none', 'rate-limit', 'single-flight,deadline']) {
    const gateway = await start({ GUARDS: guards, CACHE: 'off' })
    for (const path of ['/proxy/x', '/aggregate/areas', '/nowhere']) {
      const answer = await fetch(gateway.url + path)
      expect(answer.headers.get('cache-status')).toMatch(/^leeward; fwd=bypass/)
    }
  }
})
