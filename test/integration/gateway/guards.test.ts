import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
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

  test('who came later does not inherit the deadline of the first: they ask again, once', async () => {
    const gateway = await start({ ...PATIENT, DEADLINE_MS: '600', RETRY_ATTEMPTS: '0' })
    upstream.answer = silence
    const begunAt = performance.now()
    const first = fetch(`${gateway.url}/proxy/x`)
    await eventually(() => expect(performance.now() - begunAt).toBeGreaterThan(300))
    const late = [0, 1, 2].map(() => fetch(`${gateway.url}/proxy/x`))
    await eventually(async () => expect((await gateway.counts())['rate-limit.admitted']).toBe(4))
    upstream.answer = json({ ok: true })
    expect(upstream.requests.length).toBe(1)
    expect((await first).status).toBe(504)
    expect((await Promise.all(late)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(upstream.requests.length).toBe(2)
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

describe('bulkhead with a share for each client', () => {
  const SETTINGS = {
    BULKHEAD_MAX: '4',
    BULKHEAD_CLIENT_MAX: '2',
    GUARDS: 'bulkhead',
    TRUSTED_PROXIES: '127.0.0.1',
  }
  const askAs = (gateway: TestGateway, client: string) =>
    fetch(`${gateway.url}/proxy/x`, { headers: { 'x-forwarded-for': client } })

  test.each([
    ['an address', '192.0.2.1', '192.0.2.1'],
    ['a /64', '2001:db8::1', '2001:db8::2'],
  ])('who holds it all, %s, leaves the rest to others', async (_what, one, same) => {
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({})(request, response))
    const gateway = await start(SETTINGS)
    const slow = [askAs(gateway, one), askAs(gateway, same)]
    await eventually(() => expect(held.length).toBe(2))
    const refused = await askAs(gateway, one)
    expect([refused.status, await codeOf(refused)]).toEqual([503, 'bulkhead-full'])
    const other = askAs(gateway, '198.51.100.1')
    await eventually(() => expect(held.length).toBe(3))
    for (const release of held) release()
    expect((await Promise.all([...slow, other])).map(({ status }) => status)).toEqual([200, 200, 200])
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
