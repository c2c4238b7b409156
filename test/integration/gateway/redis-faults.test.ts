// Redis behind the chaos proxy, slow or silent: it costs a request 50 ms at most, and never an answer.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Child } from '../../../chaos/supervise.ts'
import { latency, timeout } from '../../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import { connectRedis } from '../../../src/cache/redis.ts'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { hasRedisServer, startRedis, type TestRedis } from '../../support/gateway-redis.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

/** What a request may wait for Redis, however often it asks there. */
const LONGEST_MS = 50
/** What a busy machine may add to it. */
const TOLERANCE_MS = 300

let chaos: Child
let toxiproxy: Toxiproxy
let redis: TestRedis
let redisUrl: string
let upstream: TestUpstream
let gateway: TestGateway

describe.runIf(hasRedisServer)('a Redis that is', () => {
  beforeAll(async () => {
    chaos = await startEmbeddedProxy()
    toxiproxy = await connectToxiproxy(apiUrl(chaos))
  })
  afterAll(() => chaos.stop())
  beforeEach(async () => {
    redis = await startRedis()
    const { listen } = await toxiproxy.createProxy({
      name: 'redis',
      listen: '127.0.0.1:0',
      upstream: new URL(redis.url).host,
    })
    redisUrl = `redis://${listen}`
    upstream = await startUpstream(json({ ok: true }, { vary: 'Accept-Language' }))
  })
  afterEach(async () => {
    await gateway.close()
    await toxiproxy.deleteProxy('redis')
    await redis.close()
    await upstream.close()
  })

  async function start(cache: string): Promise<void> {
    gateway = await startGateway({
      UPSTREAM_URL: upstream.url,
      CACHE: cache,
      REDIS_URL: redisUrl,
      RATE_LIMIT_MAX: '100000',
      CACHE_FRESH_MS: '60000',
      ...PATIENT,
    })
  }

  async function ask(path: string): Promise<{ ms: number; isHit: boolean }> {
    const before = performance.now()
    const answer = await fetch(gateway.url + path)
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
    const ms = performance.now() - before
    return { ms, isHit: /; hit/.test(answer.headers.get('cache-status') ?? '') }
  }

  const untilUsed = () => eventually(async () => expect((await ask('/proxy/x')).isHit).toBe(true))

  test('silent is given up at once by who has no time left, and soon by who has little', async () => {
    await start('memory')
    const link = connectRedis(
      { url: redis.url, keyPrefix: '' },
      () => {},
      () => {},
    )
    const ask = (leftMs: number) => link.ask(client => client.ping(), performance.now() + leftMs)
    try {
      await eventually(async () => expect(await ask(1_000)).toBe('PONG'))
      await expect(ask(0)).rejects.toThrow('the time for asking Redis is up')
      redis.pause()
      // Where this process stood still for 50 ms, the client's own limit came first: then once more.
      await eventually(() => expect(ask(5)).rejects.toThrow('Redis did not answer in time'))
    } finally {
      link.close()
    }
  })

  test('a little slow is used', async () => {
    await start('redis')
    await untilUsed()
    await toxiproxy.addToxic('redis', latency({ latencyMs: 5 }))
    const answers = []
    for (let count = 0; count < 5; count += 1) answers.push(await ask('/proxy/x'))
    expect(answers.some(({ isHit, ms }) => isHit && ms >= 5)).toBe(true)
  })

  test.each([
    ['far too slow', latency({ latencyMs: 2_000 })],
    ['silent', timeout({ timeoutMs: 0 })],
  ])('%s costs what it may, then nothing, and is used again once it is well', async (_what, toxic) => {
    await start('redis')
    await untilUsed()
    await toxiproxy.addToxic('redis', toxic)
    const answers = []
    for (let count = 0; count < 10; count += 1) answers.push(await ask('/proxy/x'))
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(LONGEST_MS + TOLERANCE_MS)
    expect(answers.some(({ isHit }) => isHit)).toBe(false)
    // Left alone after three failures.
    expect(answers.filter(({ ms }) => ms < LONGEST_MS - 5).length).toBeGreaterThanOrEqual(5)
    await toxiproxy.removeToxic('redis', toxic.name)
    await untilUsed()
  })

  test('far too slow does not hold up what is near', async () => {
    await start('tiered')
    // When it begins to hear what others delete, it drops what it kept near before.
    await eventually(async () =>
      expect(await redis.command('PUBSUB NUMSUB leeward:cache-forgotten')).toContain(':1\r\n'),
    )
    await untilUsed()
    await toxiproxy.addToxic('redis', latency({ latencyMs: 2_000 }))
    for (let count = 0; count < 10; count += 1) expect((await ask('/proxy/x')).isHit).toBe(true)
    expect(upstream.requests.length).toBe(1)
    expect((await ask('/proxy/unknown')).ms).toBeLessThan(LONGEST_MS + TOLERANCE_MS)
  })
})
