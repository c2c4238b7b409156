import { hash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { hasRedisServer, startRedis, type TestRedis } from '../../support/gateway-redis.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let redis: TestRedis
const open: TestGateway[] = []
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
  redis = await startRedis()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(gateway => gateway.close()))
  await redis.close()
  await upstream.close()
})

async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    UPSTREAM_URL: upstream.url,
    CACHE: 'redis',
    REDIS_URL: redis.url,
    RATE_LIMIT_MAX: '100000',
    TRUSTED_PROXIES: '127.0.0.1',
    ...PATIENT,
    ...settings,
  })
  open.push(gateway)
  return gateway
}

/** Asks every gateway by the same name, as behind a load balancer: they share only what was asked of that. */
const fetch = (url: string, init: { method?: string; headers?: Record<string, string> } = {}) =>
  globalThis.fetch(url, { ...init, headers: { ...init.headers, 'x-forwarded-host': 'gateway.test' } })

const statusOf = async (gateway: TestGateway, path = '/proxy/x') => {
  const answer = await fetch(gateway.url + path)
  await answer.text()
  return answer.headers.get('cache-status')
}

/** Until the client has connected it has nothing, as it should. */
const untilConnected = (gateway: TestGateway) =>
  eventually(async () => expect(await statusOf(gateway)).toMatch(/^leeward; hit/))

/** The name of an answer in the store: nothing of its path can be read from it. */
const keyOf = (path: string) => `leeward:cache:${nameOf(path)}.${nameOf(`proxy http://gateway.test${path}`)}`
const nameOf = (text: string) => hash('sha256', text, 'base64url')

/** What a request may take while Redis is away: two questions of 50 ms, and a busy machine. */
const MOST_MS = 1_000

describe.runIf(hasRedisServer)('CACHE=redis', () => {
  test('two gateways share what one has fetched', async () => {
    const settings = { CACHE_FRESH_MS: '60000' }
    const [one, other] = [await start(settings), await start(settings)]
    await untilConnected(one)
    // Unknown to this process: each hit of the other comes from Redis.
    await untilConnected(other)
    const before = upstream.requests.length
    const answer = await fetch(`${other.url}/proxy/x`)
    expect(await answer.json()).toEqual({ ok: true })
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(upstream.requests.length).toBe(before)
  })

  test('an entry has the time to live of its last use, and its body is kept as it is', async () => {
    const body = Buffer.from([0, 255, 10, 13, 128])
    upstream.answer = (_request, response) => response.writeHead(200, { 'x-odd': 'ü' }).end(body)
    const gateway = await start({ CACHE_STALE_IF_ERROR_MS: '10000' })
    await untilConnected(gateway)
    const ttlMs = Number((await redis.command(`PTTL "${keyOf('/x')}"`)).slice(1))
    expect(ttlMs).toBeGreaterThan(1_000)
    expect(ttlMs).toBeLessThanOrEqual(12_000)
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect(answer.headers.get('cache-status')).toMatch(/^leeward; hit/)
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true)
    expect(answer.headers.get('x-odd')).toBe('ü')
  })

  test('a stale answer comes from Redis when the upstream refuses', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '300' })
    await untilConnected(gateway)
    await upstream.refuse()
    await eventually(async () =>
      expect(await statusOf(gateway)).toBe('leeward; hit; ttl=-1; detail=upstream-unreachable'),
    )
  })

  test('a Redis that dies is a cache miss, never an error, and is used again when it is back', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '60000' })
    await untilConnected(gateway)
    const { port } = new URL(redis.url)
    await redis.close()
    for (let count = 0; count < 10; count += 1) {
      const before = performance.now()
      const answer = await fetch(`${gateway.url}/proxy/x`)
      expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
      expect(performance.now() - before).toBeLessThan(MOST_MS)
    }
    redis = await startRedis(Number(port))
    await untilConnected(gateway)
  })

  test('a Redis that is deaf is a cache miss too, and soon costs nothing', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '60000' })
    await untilConnected(gateway)
    redis.pause()
    const times = []
    for (let count = 0; count < 10; count += 1) {
      const before = performance.now()
      expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200)
      times.push(performance.now() - before)
    }
    expect(Math.max(...times)).toBeLessThan(MOST_MS)
    // Left alone after a few failures: most requests did not wait the 50 ms that a question may take.
    expect(times.filter(time => time < 45).length).toBeGreaterThanOrEqual(5)
    redis.resume()
    await untilConnected(gateway)
  })

  test('a value that is not ours is a miss', async () => {
    const gateway = await start({ CACHE_FRESH_MS: '60000' })
    await untilConnected(gateway)
    await redis.command(`SET "${keyOf('/x')}" garbage`)
    expect(await statusOf(gateway)).toBe('leeward; fwd=uri-miss; fwd-status=200; stored')
  })
})

describe.runIf(hasRedisServer)('what stands in Redis', () => {
  test('tells nothing of paths, queries, and the fields that answers vary by', async () => {
    upstream.answer = json({ ok: true }, { vary: 'X-Tenant' })
    const gateway = await start({ CACHE_FRESH_MS: '60000' })
    await eventually(async () => {
      const headers = { 'x-tenant': 'secret-1' }
      await fetch(`${gateway.url}/proxy/reset/secret-2?token=secret-3`, { headers })
      // The list of variants, and the variant.
      expect((await redis.command('KEYS leeward:cache:*')).startsWith('*2')).toBe(true)
    })
    expect(await redis.command('KEYS leeward:cache:*')).not.toMatch(/secret|reset|token|tenant/)
  })

  test('is bounded: an answer over CACHE_MAX_BODY_BYTES is not sent there', async () => {
    upstream.answer = json(Array.from({ length: 1_000 }, (_, id) => id))
    const gateway = await start({ CACHE_MAX_BODY_BYTES: '1000' })
    await eventually(async () => {
      await fetch(`${gateway.url}/proxy/small`, { method: 'HEAD' })
      await fetch(`${gateway.url}/aggregate/areas`)
      expect(await redis.command('KEYS leeward:rate:*')).toContain('127.0.0.1')
    })
    for (const path of ['/aggregate/areas', '/proxy/areas']) await (await fetch(gateway.url + path)).text()
    expect(await redis.command('KEYS leeward:cache:*')).toBe('*0\r\n')
  })
})

describe.runIf(hasRedisServer)('a write through one gateway', () => {
  test.each(['redis', 'tiered'])('makes the others forget: CACHE=%s', async cache => {
    const settings = { CACHE: cache, CACHE_FRESH_MS: '60000' }
    const [one, other] = [await start(settings), await start(settings)]
    await eventually(async () => {
      const path = `/proxy/${Math.random()}`
      await statusOf(one, path)
      expect(await statusOf(other, path)).toMatch(/^leeward; hit/)
    })
    // Until the other hears what is forgotten, which it does from when its second connection stands.
    await eventually(async () => {
      await statusOf(one)
      expect(await statusOf(other)).toMatch(/^leeward; hit/)
      await fetch(`${one.url}/proxy/x`, { method: 'PUT' })
      await eventually(async () => expect(await statusOf(other)).toMatch(/fwd=uri-miss/), 200)
    })
  })
})

/** Until each of them hears what the others delete. */
const untilHeard = (listeners: number) =>
  eventually(async () =>
    expect(await redis.command('PUBSUB NUMSUB leeward:cache-forgotten')).toContain(`:${listeners}\r\n`),
  )

describe.runIf(hasRedisServer)('what is on its way at one gateway', () => {
  test.each(['redis', 'tiered'])(
    'is not kept when it is overtaken by a write through another: CACHE=%s',
    async cache => {
      const settings = { CACHE: cache, CACHE_FRESH_MS: '60000' }
      const [one, other] = [await start(settings), await start(settings)]
      for (const gateway of [one, other]) await untilConnected(gateway)
      await untilHeard(2)
      const held: (() => void)[] = []
      upstream.answer = (request, response) => {
        if (request.method === 'PUT') json({})(request, response)
        else held.push(() => json({ old: true })(request, response))
      }
      // It is heard of a moment later: until then what is on its way is kept, rightly.
      await eventually(async () => {
        held.length = 0
        const path = `/proxy/${Math.random()}`
        const onItsWay = statusOf(one, path)
        await eventually(() => expect(held.length).toBe(1))
        await fetch(other.url + path, { method: 'PUT' })
        expect(await redis.command('PING')).toBe('+PONG\r\n')
        held[0]!()
        expect(await onItsWay).toBe('leeward; fwd=uri-miss; fwd-status=200')
      })
    },
  )
})

describe.runIf(hasRedisServer)('a gateway that stopped hearing', () => {
  test('uses nothing any more of what it kept near', async () => {
    const settings = { CACHE: 'tiered', CACHE_FRESH_MS: '60000' }
    const [one, other] = [await start(settings), await start(settings)]
    for (const gateway of [one, other]) await untilConnected(gateway)
    await untilHeard(2)
    expect(await statusOf(other)).toMatch(/^leeward; hit/)
    await redis.command('CLIENT KILL TYPE pubsub')
    await fetch(`${one.url}/proxy/x`, { method: 'PUT' })
    await eventually(async () => expect(await statusOf(other)).toMatch(/fwd=uri-miss/))
  })
})

describe.runIf(hasRedisServer)('a write while Redis is left alone', () => {
  test.each(['redis', 'tiered'])('counts when it is asked again: CACHE=%s', async cache => {
    let version = 'old'
    upstream.answer = (_request, response) => response.end(version)
    const gateway = await start({ CACHE: cache, CACHE_FRESH_MS: '60000' })
    await untilConnected(gateway)
    await eventually(async () => expect(await redis.command('KEYS leeward:cache:*')).not.toBe('*0\r\n'))
    redis.pause()
    for (const id of [1, 2, 3, 4, 5]) await statusOf(gateway, `/proxy/${id}`)
    await fetch(`${gateway.url}/proxy/x`, { method: 'PUT' })
    version = 'new'
    redis.resume()
    // Other paths show when it is asked again; of this one nothing is stored meanwhile.
    await eventually(async () => {
      const path = `/${Math.random()}`
      await statusOf(gateway, `/proxy${path}`)
      expect(await redis.command(`EXISTS "${keyOf(path)}"`)).toBe(':1\r\n')
    })
    expect(await (await fetch(`${gateway.url}/proxy/x`)).text()).toBe('new')
  })
})

describe.runIf(hasRedisServer)('CACHE=tiered', () => {
  test('finds in memory what it has, and in Redis what another gateway has', async () => {
    const settings = { CACHE: 'tiered', CACHE_FRESH_MS: '60000' }
    const [one, other] = [await start(settings), await start(settings)]
    // Memory answers from the first read on: Redis is known to be there when the key is.
    await eventually(async () => {
      await statusOf(one, `/proxy/${Math.random()}`)
      expect(await redis.command('DBSIZE')).not.toBe(':0\r\n')
    })
    await eventually(async () => {
      const path = `/proxy/${Math.random()}`
      await statusOf(one, path)
      expect(await statusOf(other, path)).toMatch(/^leeward; hit/)
    })
    await statusOf(one)
    const calls = upstream.requests.length
    await redis.close()
    expect(await statusOf(one)).toMatch(/^leeward; hit/)
    expect(upstream.requests.length).toBe(calls)
    redis = await startRedis()
  })
})
