// The cache over real sockets: what reaches the upstream, and what comes back.
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
    ['no-cache, and nothing to confirm it by', { 'cache-control': 'no-cache' }],
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
    ['X-Api-Key', { 'x-api-key': 'k' }, 'bypass'],
    ['several ranges', { range: 'bytes=0-1,3-4' }, 'bypass'],
    ['Cache-Control: no-store', { 'cache-control': 'no-store' }, 'request'],
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

  test('and where each request keeps its own deadline, too', async () => {
    const guards = { GUARDS: 'cache,deadline', DEADLINE_MS: '200', ATTEMPT_LIMIT_MS: '200' }
    const gateway = await start({ CACHE_FRESH_MS: '0', ...guards })
    await fetch(`${gateway.url}/proxy/x`)
    upstream.answer = silence
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
    expect(answer.headers.get('cache-status')).toBe('leeward; hit; ttl=-1; detail=deadline-exceeded')
  })

  test('who has left is served nothing stale, though others wait for the same', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '0', RETRY_ATTEMPTS: '0', ...PATIENT })
    await (await fetch(`${gateway.url}/proxy/x`)).text()
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({}, {}, 500)(request, response))
    const leaving = new AbortController()
    const first = fetch(`${gateway.url}/proxy/x`, { signal: leaving.signal }).catch(() => 'left')
    await eventually(() => expect(held.length).toBe(1))
    const second = fetch(`${gateway.url}/proxy/x`)
    await eventually(async () => expect((await gateway.counts())['rate-limit.admitted']).toBe(3))
    leaving.abort()
    expect(await first).toBe('left')
    await eventually(async () => expect((await gateway.counts())['requests.client-gone']).toBe(1))
    held[0]?.()
    // It came later: it asks once more for itself.
    await eventually(() => expect(held.length).toBe(2))
    held[1]?.()
    expect([(await second).status, (await gateway.counts())['cache.stale-if-error']]).toEqual([200, 1])
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

/** Answers with an ETag that changes with `version()`, and with 304 to those who have it. */
const versioned =
  (version: () => string, headers: Record<string, string> = {}): TestUpstream['answer'] =>
  (request, response) => {
    const etag = `"${version()}"`
    const isKnown = request.headers['if-none-match'] === etag
    response.writeHead(isKnown ? 304 : 200, { etag, 'x-asked': String(upstream.requests.length), ...headers })
    response.end(isKnown ? undefined : `body of ${version()}`)
  }

describe('what is stale', () => {
  test('is confirmed by the upstream without being sent again, or replaced', async () => {
    let version = 'v1'
    upstream.answer = versioned(() => version, { 'cache-control': 'max-age=0' })
    const gateway = await start()
    const read = () => fetch(`${gateway.url}/proxy/x`)
    await (await read()).text()
    const confirmed = await read()
    expect(confirmed.headers.get('cache-status')).toBe('leeward; fwd=stale; fwd-status=304; stored')
    expect([confirmed.status, await confirmed.text(), confirmed.headers.get('x-asked')]).toEqual([
      ...[200, 'body of v1', '2'],
    ])
    version = 'v2'
    expect(await (await read()).text()).toBe('body of v2')
    expect(upstream.requests.map(({ headers }) => headers['if-none-match'])).toEqual([
      ...[undefined, '"v1"', '"v1"'],
    ])
  })

  test('is confirmed once for all who wait', async () => {
    upstream.answer = versioned(() => 'v1', { 'cache-control': 'max-age=0' })
    const gateway = await start(PATIENT)
    await fetch(`${gateway.url}/proxy/x`)
    const held: (() => void)[] = []
    const answer = upstream.answer
    upstream.answer = (request, response) => void held.push(() => answer(request, response))
    const reads = Array.from({ length: 20 }, () => fetch(`${gateway.url}/proxy/x`))
    await eventually(async () => expect((await gateway.counts())['cache.miss']).toBe(21))
    expect(held.length).toBe(1)
    held[0]?.()
    const bodies = await Promise.all(reads.map(async read => (await read).text()))
    expect(new Set(bodies)).toEqual(new Set(['body of v1']))
    expect(upstream.requests.length).toBe(2)
  })

  test('is no more than 504 to a client who wants nothing but what is stored', async () => {
    const gateway = await start()
    const answer = await fetch(`${gateway.url}/proxy/x`, { headers: { 'cache-control': 'only-if-cached' } })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([504, 'not-cached'])
    expect(upstream.requests.length).toBe(0)
  })
})

describe('a part of a stored answer', () => {
  test('is cut from the whole', async () => {
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    const { status, text } = await rawGet(gateway.port, '/proxy/x', ['Range: bytes=1-4'])
    expect(status).toBe(206)
    expect(text).toMatch(/content-range: bytes 1-4\/11\r\n/i)
    expect(text).toMatch(/content-length: 4\r\n/i)
    expect(text.match(/content-length/gi)?.length).toBe(1)
    expect(text.endsWith('\r\n\r\n"ok"')).toBe(true)
    expect(upstream.requests.length).toBe(1)
  })

  test('that does not exist is 416', async () => {
    const gateway = await start()
    await fetch(`${gateway.url}/proxy/x`)
    const { status, text } = await rawGet(gateway.port, '/proxy/x', ['Range: bytes=11-'])
    expect([status, /content-range: bytes \*\/11\r\n/i.test(text)]).toEqual([416, true])
  })

  test('is left to the upstream where the whole is not known', async () => {
    upstream.answer = (_request, response) =>
      response.writeHead(206, { 'content-range': 'bytes 0-1/10', 'content-length': '2' }).end('ab')
    const gateway = await start()
    for (let count = 0; count < 2; count += 1) {
      const answer = await fetch(`${gateway.url}/proxy/x`, { headers: { range: 'bytes=0-1' } })
      expect([answer.status, await answer.text()]).toEqual([206, 'ab'])
    }
    expect(upstream.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-1', 'bytes=0-1'])
  })
})

describe('a write', () => {
  test('makes the path in its Location forgotten, and no other', async () => {
    const gateway = await start()
    const statusOf = async (path: string) => (await fetch(gateway.url + path)).headers.get('cache-status')
    for (const path of ['/proxy/made', '/proxy/other']) await statusOf(path)
    upstream.answer = (_request, response) => response.writeHead(201, { location: '/made' }).end()
    await fetch(`${gateway.url}/proxy/makers`, { method: 'POST' })
    expect(await statusOf('/proxy/made')).toContain('fwd=uri-miss')
    expect(await statusOf('/proxy/other')).toContain('hit')
  })

  test('of the list of areas makes the aggregate forgotten', async () => {
    upstream.answer = json([1])
    const gateway = await start()
    await fetch(`${gateway.url}/aggregate/areas`)
    await fetch(`${gateway.url}/proxy/areas`, { method: 'POST' })
    upstream.answer = json([1, 2])
    const { items } = (await (await fetch(`${gateway.url}/aggregate/areas`)).json()) as { items: number[] }
    expect(items).toEqual([1, 2])
  })

  test('that overtakes a read: neither is the old answer stored, nor does who comes later wait for it', async () => {
    const gateway = await start(PATIENT)
    const held: (() => void)[] = []
    let value = 'old'
    upstream.answer = (request, response) => {
      const seen = value
      if (request.method === 'POST') {
        value = 'new'
        response.end()
      } else held.push(() => response.end(seen))
    }
    const read = () => fetch(`${gateway.url}/proxy/x`).then(answer => answer.text())
    const before = read()
    await eventually(() => expect(held.length).toBe(1))
    await (await fetch(`${gateway.url}/proxy/x`, { method: 'POST' })).text()
    const after = read()
    await eventually(() => expect(held.length).toBe(2))
    for (const release of held) release()
    expect(await Promise.all([before, after])).toEqual(['old', 'new'])
    expect(await read()).toBe('new')
    expect(held.length).toBe(2)
  })
})

describe('one client’s own answer is never another’s', () => {
  const whoami: TestUpstream['answer'] = (request, response) => {
    const { cookie, authorization, 'x-api-key': key } = request.headers
    response.end(`you are ${cookie ?? authorization ?? key ?? 'nobody'}`)
  }

  test.each(['cookie', 'authorization', 'x-api-key'])('told apart by %s, labelled by nothing', async name => {
    upstream.answer = whoami
    const gateway = await start()
    const ask = async (who?: string) => {
      const headers: Record<string, string> = who === undefined ? {} : { [name]: who }
      return (await fetch(`${gateway.url}/proxy/me`, { headers })).text()
    }
    const one = await Promise.all([ask('one'), ask('two'), ask(), ask('one'), ask('two'), ask()])
    const then = [await ask('one'), await ask('two'), await ask()]
    expect([...one, ...then]).toEqual([
      ...['you are one', 'you are two', 'you are nobody', 'you are one', 'you are two', 'you are nobody'],
      ...['you are one', 'you are two', 'you are nobody'],
    ])
  })

  test.each([
    ['a deadline is kept', {}],
    ['none is', { GUARDS: 'cache,single-flight' }],
  ])(
    'what was made in the little time that one client left is its own, where %s',
    async (_what, settings) => {
      upstream.answer = (request, response) => {
        const isHurried = Number(request.headers['x-request-timeout-ms'] ?? 9_000) < 3_000
        response.writeHead(200, { 'cache-control': 'public, max-age=60' }).end(isHurried ? 'half' : 'whole')
      }
      const gateway = await start({ ...PATIENT, ...settings })
      const ask = async (path: string, headers: Record<string, string> = {}) =>
        (await fetch(`${gateway.url}/proxy/${path}`, { headers })).text()
      for (const name of ['cookie', 'x-api-key', 'authorization', 'pragma']) {
        const hurried = { 'x-request-timeout-ms': '2500', [name]: 'no-cache' }
        expect([await ask(name, hurried), await ask(name)]).toEqual(['half', 'whole'])
      }
    },
  )

  test('a cookie that is set is set once', async () => {
    upstream.answer = (_request, response) => {
      const session = `session=${upstream.requests.length}`
      response.writeHead(200, { 'set-cookie': session, 'cache-control': 'public, max-age=60' }).end('x')
    }
    const gateway = await start()
    const reads = await Promise.all(Array.from({ length: 10 }, () => fetch(`${gateway.url}/proxy/x`)))
    expect(new Set(reads.map(({ headers }) => headers.get('set-cookie'))).size).toBe(10)
  })

  test('a refusal of one request is not shared with those who wait beside it', async () => {
    const held: (() => void)[] = []
    upstream.answer = (request, response) => {
      const isBad = request.headers['x-bad'] !== undefined
      held.push(() => response.writeHead(isBad ? 400 : 200, { 'cache-control': 'max-age=60' }).end())
    }
    const gateway = await start(PATIENT)
    const bad = fetch(`${gateway.url}/proxy/x`, { headers: { 'x-bad': '1' } })
    await eventually(() => expect(held.length).toBe(1))
    const good = fetch(`${gateway.url}/proxy/x`)
    await eventually(async () => expect((await gateway.counts())['cache.miss']).toBe(2))
    held[0]?.()
    await eventually(() => expect(held.length).toBe(2))
    held[1]?.()
    expect([(await bad).status, (await good).status]).toEqual([400, 200])
  })
})

describe('a body that is not whole is neither stored nor shared', () => {
  const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n'
  const whole = `${head}Content-Length: 5\r\n\r\nwhole`
  const settings = { RETRY_ATTEMPTS: '0', BREAKER_LEAST_CALLS: '1000', ...PATIENT }

  test.each([
    ['is shorter than its Content-Length', `${head}Content-Length: 10\r\n\r\nshort`],
    ['lacks its last chunk', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n`],
    ['is shorter than its chunk', `${head}Transfer-Encoding: chunked\r\n\r\n9\r\nshort\r\n0\r\n\r\n`],
    ['has a chunk of no length', `${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\nshort\r\n0\r\n\r\n`],
    ['has two lengths', `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nshort`],
  ])('that %s: 502 for those who wait, and the next asks again', async (_what, bytes) => {
    const held: (() => void)[] = []
    upstream.answer = request => void held.push(() => request.socket.end(bytes))
    const gateway = await start(settings)
    const reads = [1, 2].map(() => fetch(`${gateway.url}/proxy/x`))
    await eventually(async () => expect((await gateway.counts())['cache.miss']).toBe(2))
    held[0]?.()
    await eventually(() => expect(held.length).toBe(2))
    held[1]?.()
    expect((await Promise.all(reads)).map(({ status }) => status)).toEqual([502, 502])
    upstream.answer = request => request.socket.end(whole)
    const next = await fetch(`${gateway.url}/proxy/x`)
    expect(await next.text()).toBe('whole')
    expect(next.headers.get('cache-status')).toBe('leeward; fwd=uri-miss; fwd-status=200; stored')
    expect(upstream.requests.length).toBe(3)
  })

  test.each(['gzip, chunked', 'gzip\r\nTransfer-Encoding: chunked', 'x-chunked', 'xchunked'])(
    'that is coded for its connection as nobody asked goes to nobody: %s',
    async coding => {
      upstream.answer = request =>
        request.socket.end(`${head}Transfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`)
      const gateway = await start(settings)
      for (const calls of [1, 2]) {
        const answer = await fetch(`${gateway.url}/proxy/x`)
        expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'upstream-malformed' }])
        expect(upstream.requests.length).toBe(calls)
      }
    },
  )

  test('that ends only with its connection goes to who asked, and no further', async () => {
    upstream.answer = request => request.socket.end(`${head}\r\nperhaps whole`)
    const gateway = await start(settings)
    const reads = await Promise.all([1, 2].map(() => fetch(`${gateway.url}/proxy/x`)))
    expect(await Promise.all(reads.map(read => read.text()))).toEqual(['perhaps whole', 'perhaps whole'])
    await (await fetch(`${gateway.url}/proxy/x`)).text()
    expect(upstream.requests.length).toBe(3)
  })

  test('that breaks off while it confirms nothing leaves what is known', async () => {
    upstream.answer = json({ ok: true }, { 'cache-control': 'max-age=0', etag: '"v1"' })
    const gateway = await start(settings)
    await fetch(`${gateway.url}/proxy/x`)
    upstream.answer = request => request.socket.end(`${head}Content-Length: 10\r\n\r\nshort`)
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect(await answer.json()).toEqual({ ok: true })
    expect(answer.headers.get('cache-status')).toMatch(/^leeward; hit; ttl=-1; detail=upstream-/)
  })
})

describe('how long', () => {
  test('an answer that says a year of stale-if-error is used no longer than CACHE_STALE_MAX_MS', async () => {
    upstream.answer = json({}, { 'cache-control': 'max-age=0, stale-if-error=31536000' })
    const gateway = await start({ CACHE_STALE_MAX_MS: '300', CACHE_STALE_IF_ERROR_MS: '0' })
    await fetch(`${gateway.url}/proxy/x`)
    await upstream.refuse()
    expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200)
    await eventually(async () => expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(502))
  })
})
