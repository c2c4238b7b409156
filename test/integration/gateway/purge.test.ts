import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { adminOf, TOKEN } from '../../support/gateway-admin.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { hasRedisServer, startRedis, type TestRedis } from '../../support/gateway-redis.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
const open: TestGateway[] = []
beforeEach(async () => {
  upstream = await startUpstream(json([]))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(gateway => gateway.close()))
  await upstream.close()
})

async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    UPSTREAM_URL: upstream.url,
    ADMIN_TOKEN: TOKEN,
    CACHE_FRESH_MS: '600000',
    RATE_LIMIT_MAX: '100000',
    TRUSTED_PROXIES: '127.0.0.1',
    ...PATIENT,
    ...settings,
  })
  open.push(gateway)
  return gateway
}

/** Asked by one name: gateways share only what was asked of the same host. */
const ask = async (gateway: TestGateway, path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(gateway.url + path, {
    headers: { 'x-forwarded-host': 'gateway.test', ...headers },
  })
  await answer.arrayBuffer()
  return answer.headers.get('cache-status') ?? ''
}
const isHit = async (gateway: TestGateway, path: string, headers?: Record<string, string>) =>
  (await ask(gateway, path, headers)).startsWith('leeward; hit')
const purge = (gateway: TestGateway, body: unknown) => adminOf(gateway.adminUrl).post('/-/cache/purge', body)

describe('POST /-/cache/purge', () => {
  test('of everything leaves nothing, and is told on the event stream', async () => {
    const gateway = await start()
    const stream = await adminOf(gateway.adminUrl).listen()
    for (const path of ['/proxy/a', '/proxy/b', '/aggregate/areas']) await ask(gateway, path)
    expect(await purge(gateway, { all: true })).toEqual({ status: 200, body: { purged: { all: true } } })
    for (const path of ['/proxy/a', '/proxy/b', '/aggregate/areas'])
      expect(await isHit(gateway, path)).toBe(false)
    await eventually(() =>
      expect(stream.heard.find(({ name }) => name === 'purge')?.data).toEqual({
        at: expect.any(Number),
        purged: { all: true },
      }),
    )
    stream.close()
  })

  test('of a path means every route, host and variant, and no other path', async () => {
    const gateway = await start()
    upstream.answer = json([], { vary: 'accept-language' })
    const [de, fr] = [{ 'accept-language': 'de' }, { 'accept-language': 'fr' }]
    const elsewhere = { 'x-forwarded-host': 'other.test' }
    const all = async (check: (path: string, headers?: Record<string, string>) => Promise<unknown>) => [
      await check('/proxy/areas', de),
      await check('/proxy/areas', fr),
      await check('/proxy/areas', elsewhere),
      await check('/aggregate/areas'),
      await check('/proxy/areas?x=1', de),
      await check('/proxy/areas/1', de),
    ]
    await all((path, headers) => ask(gateway, path, headers))
    expect(await all((path, headers) => isHit(gateway, path, headers))).toEqual(Array(6).fill(true))
    await purge(gateway, { path: '/areas' })
    expect(await all((path, headers) => isHit(gateway, path, headers))).toEqual([
      ...[false, false, false, false, true, true],
    ])
  })

  test('of a prefix means what begins with it', async () => {
    const gateway = await start()
    const paths = ['/proxy/areas/1', '/proxy/areas/2?x=1', '/proxy/areas', '/proxy/b/areas/1']
    for (const path of paths) await ask(gateway, path)
    await purge(gateway, { prefix: '/areas/' })
    const kept = []
    for (const path of paths) kept.push(await isHit(gateway, path))
    expect(kept).toEqual([false, false, true, true])
  })

  test.each(['before', 'after'])(
    'overtakes an answer that is still on its way, asked for %s a swap',
    async when => {
      const gateway = await start()
      const held: (() => void)[] = []
      upstream.answer = (request, response) => void held.push(() => json([])(request, response))
      const swap = () => adminOf(gateway.adminUrl).put('/-/config', { DEADLINE_MS: 7999 })
      if (when === 'after') await swap()
      const onItsWay = ask(gateway, '/proxy/x')
      await eventually(() => expect(held.length).toBe(1))
      if (when === 'before') await swap()
      await purge(gateway, { path: '/x' })
      held[0]!()
      expect(await onItsWay).toBe('leeward; fwd=uri-miss; fwd-status=200')
      upstream.answer = json([])
      expect(await isHit(gateway, '/proxy/x')).toBe(false)
    },
  )

  test('a write is heard of across a swap, too: what was asked for before it is not kept', async () => {
    const gateway = await start()
    const held: (() => void)[] = []
    upstream.answer = (request, response) =>
      request.method === 'GET'
        ? void held.push(() => json([])(request, response))
        : json([])(request, response)
    const onItsWay = ask(gateway, '/proxy/x')
    await eventually(() => expect(held.length).toBe(1))
    await adminOf(gateway.adminUrl).put('/-/config', { DEADLINE_MS: 7999 })
    await fetch(`${gateway.url}/proxy/x`, { method: 'PUT', headers: { 'x-forwarded-host': 'gateway.test' } })
    held[0]!()
    await onItsWay
    upstream.answer = json([])
    expect(await isHit(gateway, '/proxy/x')).toBe(false)
  })

  test.each([
    {},
    { all: false },
    { path: 'areas' },
    { all: true, path: '/x' },
    { prefix: '' },
    [],
    null,
    'all',
  ])('refuses what it does not know: %j', async body => {
    const gateway = await start()
    const answer = await purge(gateway, body)
    expect([answer.status, answer.body.code]).toEqual([400, 'bad-request'])
    expect(answer.body.detail).toContain(
      'accepted: {"all": true}, {"path": "/areas/1"} or {"prefix": "/areas/"}',
    )
  })
})

describe.runIf(hasRedisServer)('with Redis', () => {
  let redis: TestRedis
  beforeEach(async () => {
    redis = await startRedis()
  })
  afterEach(() => redis.close())

  const startTiered = (settings: Record<string, string> = {}) =>
    start({ CACHE: 'tiered', REDIS_URL: redis.url, ...settings })
  /** Until the client has connected it has nothing, as it should. */
  const untilShared = (gateway: TestGateway, path: string) =>
    eventually(async () => {
      await ask(gateway, path)
      expect(await redis.command('KEYS *cache:*')).not.toBe('*0\r\n')
      expect(await isHit(gateway, path)).toBe(true)
    })

  test.each([{ all: true }, { path: '/x' }])(
    'a purge of %j reaches other gateways, and what they keep near',
    async body => {
      const [one, other] = [await startTiered(), await startTiered()]
      await untilShared(one, '/proxy/x')
      await eventually(async () => expect(await isHit(other, '/proxy/x')).toBe(true))
      await ask(one, '/proxy/y')
      // Whether the other hears of it yet is not to be seen from outside: it is told until it does.
      await eventually(async () => {
        expect((await purge(one, body)).status).toBe(200)
        expect(await isHit(other, '/proxy/x')).toBe(false)
      })
      expect(await isHit(one, '/proxy/y')).toBe(!('all' in body))
    },
  )

  test('leaves alone what others keep under another prefix, whatever it looks like', async () => {
    const mine = await startTiered({ REDIS_PREFIX: 'a[b]*:' })
    const theirs = await startTiered({ REDIS_PREFIX: 'ab:' })
    await untilShared(mine, '/proxy/x')
    await eventually(async () => {
      await ask(theirs, '/proxy/x')
      expect(await redis.command('KEYS ab:cache:*')).not.toBe('*0\r\n')
    })
    await redis.command('SET other untouched')
    await purge(mine, { all: true })
    expect(await redis.command('KEYS a\\[b\\]\\*:cache:*')).toBe('*0\r\n')
    expect(await redis.command('KEYS ab:cache:*')).not.toBe('*0\r\n')
    expect(await redis.command('GET other')).toContain('untouched')
  })

  test('a purge by prefix is refused, with what can be done instead', async () => {
    const gateway = await startTiered()
    const { status, body } = await purge(gateway, { prefix: '/areas/' })
    expect([status, body.code]).toEqual([400, 'bad-request'])
    expect(body.detail).toContain('accepted: {"all": true} or {"path": "/areas/1"}')
  })

  test('a purge that Redis does not hear of says so', async () => {
    const gateway = await startTiered()
    await untilShared(gateway, '/proxy/x')
    redis.pause()
    const { status, body } = await purge(gateway, { all: true })
    redis.resume()
    expect([status, body.code]).toEqual([503, 'purge-incomplete'])
  })
})
