import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { hasRedisServer, startRedis, type TestRedis } from '../../support/gateway-redis.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let redis: TestRedis
const open: TestGateway[] = []
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
  if (hasRedisServer) redis = await startRedis()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(gateway => gateway.close()))
  if (hasRedisServer) await redis.close()
  await upstream.close()
})

/** One comes back every 30 s: none does while a test runs. */
const SLOW = { RATE_LIMIT_MAX: '20', RATE_LIMIT_WINDOW_MS: '600000', CACHE: 'off' }
const KEY = 'leeward:rate:proxy:@127.0.0.1'

/** A gateway that has found its Redis. */
async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    UPSTREAM_URL: upstream.url,
    REDIS_URL: redis.url,
    ...SLOW,
    ...PATIENT,
    ...settings,
  })
  open.push(gateway)
  await eventually(async () => {
    await fetch(`${gateway.url}/proxy/x`)
    expect(await redis.command(`EXISTS ${KEY}`)).toBe(':1\r\n')
  })
  return gateway
}

async function ask(gateway: TestGateway) {
  const { status, headers } = await fetch(`${gateway.url}/proxy/x`)
  const [, left, wait] = /r=(\d+);t=(\d+)/.exec(headers.get('ratelimit') ?? '')!
  return { status, left: Number(left), waitSeconds: Number(wait) }
}

/** From nothing, until Redis has answered each question in time: on a busy machine it may not at first. */
const fromNothing = (check: () => Promise<void>) =>
  eventually(async () => {
    await redis.command('FLUSHALL')
    await check()
  })

/** What a request may take while Redis is away: a question of 50 ms, and a busy machine. */
const MOST_MS = 1_000

describe.runIf(hasRedisServer)('the rate limit in Redis', () => {
  test('two gateways count the same client together', async () => {
    const [one, other] = [await start(), await start()]
    await fromNothing(async () => {
      const left = [await ask(one), await ask(other), await ask(one)].map(answer => answer.left)
      expect(left).toEqual([19, 18, 17])
    })
  })

  test('admits a burst and no more, and says when there is one more', async () => {
    const gateway = await start({ RATE_LIMIT_BURST: '5' })
    await fromNothing(async () => {
      const answers = []
      for (let count = 0; count < 7; count += 1) answers.push(await ask(gateway))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429])
      expect(answers.map(({ left }) => left)).toEqual([4, 3, 2, 1, 0, 0, 0])
      for (const { waitSeconds } of answers) {
        expect(waitSeconds).toBeGreaterThan(20)
        expect(waitSeconds).toBeLessThanOrEqual(30)
      }
    })
  })

  test('lets in again what has leaked out, by the clock of Redis', async () => {
    const gateway = await start({ RATE_LIMIT_MAX: '5', RATE_LIMIT_WINDOW_MS: '1000', RATE_LIMIT_BURST: '1' })
    await fromNothing(async () =>
      expect([(await ask(gateway)).status, (await ask(gateway)).status]).toEqual([200, 429]),
    )
    await eventually(async () => expect((await ask(gateway)).status).toBe(200))
  })

  test('a key lives until its bucket is empty, and a refused request does not prolong it', async () => {
    const gateway = await start({ RATE_LIMIT_BURST: '2' })
    await fromNothing(async () => {
      for (let count = 0; count < 5; count += 1) await ask(gateway)
      const ttlMs = Number((await redis.command(`PTTL ${KEY}`)).slice(1))
      expect(ttlMs).toBeGreaterThan(50_000)
      expect(ttlMs).toBeLessThanOrEqual(60_000)
    })
  })

  test('a limit that is raised lets in again when it says so, whatever was counted under the one before', async () => {
    const [low, high] = [
      await start({ RATE_LIMIT_BURST: '2' }),
      await start({ RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW_MS: '1000' }),
    ]
    await fromNothing(async () => {
      for (let count = 0; count < 3; count += 1) await ask(low)
      expect((await ask(high)).status).toBe(429)
      const ttlMs = Number((await redis.command(`PTTL ${KEY}`)).slice(1))
      expect(ttlMs).toBeLessThanOrEqual(1_000)
    })
    await eventually(async () => expect((await ask(high)).status).toBe(200))
  })

  test('a rate far above a thousand a second is kept, too', async () => {
    const gateway = await start({ RATE_LIMIT_MAX: '1000000000', RATE_LIMIT_WINDOW_MS: '1000' })
    await fromNothing(async () => {
      const failed = async () => (await gateway.counts())['redis.failed']
      const before = await failed()
      const { status, left } = await ask(gateway)
      // Redis said so, and not this process in its place.
      expect([status, left, await failed()]).toEqual([200, 999_999_999, before])
    })
  })

  test('a Redis that has forgotten the script is told it again', async () => {
    const gateway = await start()
    await fromNothing(async () => {
      await redis.command('SCRIPT FLUSH')
      expect([(await ask(gateway)).left, (await ask(gateway)).left]).toEqual([19, 18])
    })
  })

  test('a value that is not ours counts as an empty bucket', async () => {
    const gateway = await start()
    await fromNothing(async () => {
      await redis.command(`SET ${KEY} garbage`)
      expect((await ask(gateway)).left).toBe(19)
      expect(await redis.command(`PTTL ${KEY}`)).not.toBe(':-1\r\n')
    })
  })

  test.each(['off', 'redis'])('a deaf Redis keeps nobody past their own deadline: CACHE=%s', async where => {
    const gateway = await start({ GUARDS: 'rate-limit,cache,deadline', CACHE: where })
    upstream.answer = silence
    redis.pause()
    const waits: number[] = []
    // After three it is left alone, and keeps nobody.
    for (let count = 0; count < 2; count += 1) {
      const before = performance.now()
      const answer = await fetch(`${gateway.url}/proxy/y${count}`, {
        headers: { 'x-request-timeout-ms': '10' },
      })
      expect(answer.status).toBe(504)
      waits.push(performance.now() - before)
    }
    redis.resume()
    // Redis itself is given up after 50 ms.
    expect(Math.min(...waits)).toBeLessThan(45)
  })

  test.each(['dead', 'deaf'])('a %s Redis leaves the local limiter in charge', async state => {
    const gateway = await start({ RATE_LIMIT_BURST: '5' })
    if (state === 'dead') await redis.close()
    else redis.pause()
    const statuses: number[] = []
    for (let count = 0; count < 10; count += 1) {
      const before = performance.now()
      statuses.push((await ask(gateway)).status)
      expect(performance.now() - before).toBeLessThan(MOST_MS)
    }
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    if (state === 'dead') redis = await startRedis()
    else redis.resume()
  })
})
