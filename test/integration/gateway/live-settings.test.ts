import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type AdminClient, adminOf, TOKEN } from '../../support/gateway-admin.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { quiet } from '../../support/toxic-lab.ts'

let upstream: TestUpstream
let gateway: GatewayProcess
let admin: AdminClient
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string> = {}): Promise<void> {
  gateway = await spawnGateway({
    UPSTREAM_URL: upstream.url,
    ADMIN_TOKEN: TOKEN,
    DEADLINE_MS: '8000',
    ATTEMPT_LIMIT_MS: '8000',
    BREAKER_RESET_MS: '8000',
    SHED_LAG_MS: '0',
    ...settings,
  })
  admin = adminOf(`http://127.0.0.1:${gateway.ports.admin}`)
}

const ask = async (path: string) => {
  const answer = await fetch(`http://127.0.0.1:${gateway.ports.http}${path}`)
  await answer.arrayBuffer()
  return answer
}
const change = async (settings: object) => {
  const { status, body } = await admin.put('/-/config', settings)
  expect([status, body.problems]).toEqual([200, undefined])
  return body.changed as { name: string; from: string; to: string }[]
}
const counts = async () => (await admin.get('/-/stats')).body.counts as Record<string, number>

describe('PUT /-/config', () => {
  test('changes what the next request meets, and says so in its answer, in the log and on the event stream', async () => {
    await start()
    const stream = await admin.listen()
    upstream.answer = () => {}
    expect(await change({ DEADLINE_MS: 100, ACCESS_LOG: 'all' })).toEqual([
      { name: 'DEADLINE_MS', from: '8000', to: '100' },
      { name: 'ACCESS_LOG', from: '1/100', to: 'all' },
    ])
    expect((await ask('/proxy/x')).status).toBe(504)
    expect((await admin.get('/-/config')).body).toMatchObject({ deadlineMs: 100, accessLogEvery: 1 })
    await eventually(() => expect(stream.heard.map(({ name }) => name)).toContain('config'))
    expect(stream.heard.find(({ name }) => name === 'config')!.data).toEqual({
      at: expect.any(Number),
      changed: [
        { name: 'DEADLINE_MS', from: '8000', to: '100' },
        { name: 'ACCESS_LOG', from: '1/100', to: 'all' },
      ],
    })
    expect(gateway.stdout()).toContain('"msg":"settings changed"')
    stream.close()
  })

  test('takes guards out and puts them in, while the gateway runs', async () => {
    await start()
    const guards = async () => (await admin.get('/-/config')).body.guards
    await change({ GUARDS: 'none' })
    expect(await guards()).toEqual([])
    const bare = await ask('/proxy/x')
    expect(bare.headers.get('ratelimit')).toBeNull()
    await change({ GUARDS: 'rate-limit,cache' })
    expect((await ask('/proxy/x')).headers.get('ratelimit')).not.toBeNull()
    expect((await ask('/proxy/x')).headers.get('cache-status')).toContain('hit')
  })

  test('changes nothing at all when one thing is wrong, and names all that is', async () => {
    await start()
    const { status, body } = await admin.put('/-/config', {
      DEADLINE_MS: 50,
      BULKHEAD_MAX: 0,
      PORT: 80,
      ADMIN_TOKEN: 'x',
    })
    expect([status, body.code]).toEqual([422, 'config-invalid'])
    expect(body.detail).toBe('nothing was changed: 3 problems')
    expect(body.problems).toEqual([
      'PORT cannot be changed while the gateway runs; start it anew',
      'ADMIN_TOKEN cannot be changed while the gateway runs; start it anew',
      'BULKHEAD_MAX is "0"; accepted: a whole number from 1 to 1000000',
    ])
    expect((await admin.get('/-/config')).body).toMatchObject({ deadlineMs: 8000, bulkheadMax: 64 })
    expect(JSON.stringify(body)).not.toContain(TOKEN)
  })

  test('says that nothing changed when nothing does, and tells nobody', async () => {
    await start()
    expect(await change({ DEADLINE_MS: 8000 })).toEqual([])
    expect(gateway.stdout()).not.toContain('settings changed')
  })

  test('keeps the cache, and empties it only when the cache itself is another', async () => {
    await start({ CACHE_FRESH_MS: '60000' })
    const status = async () => (await ask('/proxy/x')).headers.get('cache-status')
    await ask('/proxy/x')
    await change({ DEADLINE_MS: 7000, RATE_LIMIT_MAX: 500, BREAKER_LEAST_CALLS: 9, CACHE_FRESH_MS: 1000 })
    expect(await status()).toContain('hit')
    await change({ CACHE_MAX_BYTES: 1_000_000 })
    expect(await status()).toContain('fwd=uri-miss')
    await change({ CACHE: 'off' })
    expect(await status()).toContain('fwd=bypass')
  })

  test.each([{ GUARDS: 'rate-limit,deadline' }, { CACHE: 'off' }])(
    'uses nothing of before when there was no cache meanwhile: %j',
    async off => {
      await start({ CACHE_FRESH_MS: '60000' })
      await ask('/proxy/x')
      await change(off)
      await change({ GUARDS: null, CACHE: null })
      expect((await ask('/proxy/x')).headers.get('cache-status')).toContain('fwd=uri-miss')
      expect((await ask('/proxy/x')).headers.get('cache-status')).toContain('hit')
    },
  )

  test('keeps an open breaker open, and begins anew when the breaker itself is another', async () => {
    await start({ BREAKER_LEAST_CALLS: '2', RETRY_ATTEMPTS: '0', GUARDS: 'deadline,breaker' })
    const stream = await admin.listen()
    upstream.answer = json({}, {}, 500)
    await ask('/proxy/x')
    await ask('/proxy/x')
    expect((await ask('/proxy/x')).status).toBe(503)
    await change({ DEADLINE_MS: 7000 })
    expect((await ask('/proxy/x')).status).toBe(503)
    upstream.answer = json({})
    await change({ BREAKER_LEAST_CALLS: 5 })
    expect((await ask('/proxy/x')).status).toBe(200)
    await eventually(() =>
      expect(
        stream.heard.filter(({ name }) => name === 'breaker').map(({ data }) => `${data.from} → ${data.to}`),
      ).toEqual(['closed → open', 'open → closed']),
    )
    stream.close()
  })

  test('closes a breaker that it takes out, and whoever retries or hedges goes by it no more', async () => {
    const settings = { BREAKER_LEAST_CALLS: '2', RETRY_BACKOFF_MS: '1', HEDGE_MS: '50', CACHE: 'off' }
    const budget = { RETRY_BUDGET_PER_SECOND: '100' }
    await start({ ...settings, ...budget, GUARDS: 'deadline,breaker,retry,attempt-limit' })
    const stream = await admin.listen()
    const breaker = async () => (await admin.get('/-/stats')).body.breaker
    const callsOf = async (path: string) => {
      const before = upstream.requests.length
      await ask(path)
      return upstream.requests.length - before
    }
    upstream.answer = json({}, {}, 503)
    await ask('/proxy/x')
    await ask('/proxy/x')
    expect([await breaker(), await callsOf('/proxy/x')]).toEqual(['open', 0])
    await change({ GUARDS: 'deadline,retry,attempt-limit' })
    expect([await breaker(), await callsOf('/proxy/x')]).toEqual(['closed', 2])
    upstream.answer = (request, response) => setTimeout(() => json({})(request, response), 300)
    expect(await callsOf('/proxy/late')).toBe(2)
    const transitions = stream.heard.filter(({ name }) => name === 'breaker')
    expect(transitions.map(({ data }) => `${data.from} → ${data.to}`)).toEqual([
      'closed → open',
      'open → closed',
    ])
    stream.close()
  })

  test('keeps what clients have asked already', async () => {
    await start({ RATE_LIMIT_MAX: '3', RATE_LIMIT_WINDOW_MS: '60000' })
    for (let count = 0; count < 3; count += 1) expect((await ask('/proxy/x')).status).toBe(200)
    await change({ DEADLINE_MS: 7000 })
    expect((await ask('/proxy/x')).status).toBe(429)
    expect((await counts())['rate-limit.refused']).toBe(1)
    expect((await counts())['rate-limit.admitted']).toBe(3)
  })

  test('lets a client in as soon as the raised limit says, whatever it asked under the one before', async () => {
    await start({ RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW_MS: '60000' })
    for (let count = 0; count < 3; count += 1) await ask('/proxy/x')
    await change({ RATE_LIMIT_MAX: 300, RATE_LIMIT_WINDOW_MS: 1000 })
    // Under the first one it would have been half a minute.
    await eventually(async () => expect((await ask('/proxy/x')).status).toBe(200))
  })

  test('counts the calls that were under way before against the places that there are now', async () => {
    await start({ BULKHEAD_MAX: '3', GUARDS: 'bulkhead' })
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({})(request, response))
    const before = [1, 2].map(id => ask(`/proxy/${id}`))
    await eventually(() => expect(held.length).toBe(2))
    await change({ BULKHEAD_MAX: 2 })
    expect((await ask('/proxy/3')).status).toBe(503)
    for (const release of held) release()
    expect((await Promise.all(before)).map(({ status }) => status)).toEqual([200, 200])
    upstream.answer = json({})
    expect((await ask('/proxy/4')).status).toBe(200)
  })

  test('lets requests in flight finish under what they began with', async () => {
    await start()
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({})(request, response))
    const before = ask('/proxy/before')
    await eventually(() => expect(held.length).toBe(1))
    await change({ DEADLINE_MS: 100 })
    expect((await ask('/proxy/after')).status).toBe(504)
    held[0]!()
    expect((await before).status).toBe(200)
  })

  test('loses none of hundreds in flight, however often it is swapped', async () => {
    await start({ RATE_LIMIT_MAX: '1000000', BULKHEAD_MAX: '10000', CACHE_FRESH_MS: '5' })
    upstream.answer = (request, response) =>
      setTimeout(() => json({ path: request.url })(request, response), 5 + Math.random() * 60)
    const swaps = [
      { GUARDS: 'none' },
      { GUARDS: 'all', DEADLINE_MS: 7000 },
      { CACHE: 'off' },
      { CACHE: 'memory', BREAKER_WINDOW_MS: 1500 },
      { CACHE_MAX_BYTES: 2_000_000, RETRY_BUDGET_PERCENT: 20 },
      { GUARDS: 'single-flight,breaker,deadline', BREAKER_WINDOW_MS: 2000 },
      { RATE_LIMIT_BURST: 500_000, BULKHEAD_MAX: 9_000, DEADLINE_MS: 8000 },
      { GUARDS: 'all', CACHE_MAX_BYTES: null },
    ]
    const statuses: number[] = []
    const wrong: string[] = []
    let isOver = false
    const client = async (id: number) => {
      for (let count = 0; !isOver; count += 1) {
        const path = `/${(id * 7 + count) % 50}`
        const answer = await fetch(`http://127.0.0.1:${gateway.ports.http}/proxy${path}`)
        const body = (await answer.json()) as { path: string }
        statuses.push(answer.status)
        if (body.path !== path) wrong.push(`${path} got ${JSON.stringify(body)}`)
      }
    }
    const clients = Array.from({ length: 300 }, (_, id) => client(id))
    await eventually(() => expect(statuses.length).toBeGreaterThan(300))
    for (let round = 0; round < 4; round += 1) for (const swap of swaps) await change(swap)
    isOver = true
    await Promise.all(clients)
    expect(wrong).toEqual([])
    expect(statuses.filter(status => status !== 200)).toEqual([])
    expect(statuses.length).toBeGreaterThan(1_000)
    expect((await admin.get('/-/stats')).body.upstreamInFlight).toBe(0)
  })

  test('gives requests the time to finish that there is by then, when it ends', async () => {
    await start({ DRAIN_MS: '0' })
    upstream.answer = (request, response) => setTimeout(() => json({})(request, response), 2_000)
    await change({ DRAIN_MS: 20_000 })
    const answer = ask('/proxy/x')
    await eventually(() => expect(upstream.requests.length).toBe(1))
    gateway.child.kill('SIGTERM')
    expect((await answer).status).toBe(200)
    expect(await gateway.exited).toBe(0)
    expect(gateway.stdout()).toContain('"msg":"stopped"')
  })

  test('writes the log at another level from then on', async () => {
    await start({ ACCESS_LOG: 'all' })
    await change({ LOG_LEVEL: 'warn' })
    await ask('/proxy/x')
    expect(gateway.stdout()).not.toContain('"msg":"request"')
    await upstream.refuse()
    await ask('/proxy/y')
    await eventually(() => expect(gateway.stdout()).toContain('"outcome":"upstream-unreachable"'))
  })
})

describe('PUT /-/breaker', () => {
  const state = async () => (await admin.get('/-/stats')).body.breaker
  const hold = async (value: 'open' | 'closed' | null) =>
    (await admin.put('/-/breaker', { hold: value })).body

  test('held open it refuses at once, and an upstream that is well changes nothing', async () => {
    await start({ GUARDS: 'breaker', BREAKER_RESET_MS: '1000' })
    const stream = await admin.listen()
    expect((await admin.get('/-/breaker')).body).toEqual({ state: 'closed', hold: null })
    expect(await hold('open')).toEqual({ state: 'open', hold: 'open' })
    expect((await admin.get('/-/breaker')).body).toEqual({ state: 'open', hold: 'open' })
    const refused = await ask('/proxy/x')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(upstream.requests.length).toBe(0)
    // Longer than it would stay open by itself.
    await quiet(1_300)
    expect((await ask('/proxy/x')).status).toBe(503)
    expect(await hold(null)).toEqual({ state: 'closed', hold: null })
    expect((await ask('/proxy/x')).status).toBe(200)
    await eventually(() => expect(stream.heard.filter(({ name }) => name === 'hold').length).toBe(2))
    expect(stream.heard.find(({ name }) => name === 'breaker')!.data).toMatchObject({
      from: 'closed',
      to: 'open',
    })
    stream.close()
  })

  test('held closed it lets everything by, and what fails meanwhile is not held against the upstream', async () => {
    await start({ GUARDS: 'breaker', BREAKER_LEAST_CALLS: '2' })
    await hold('closed')
    upstream.answer = json({}, {}, 500)
    for (let count = 0; count < 6; count += 1) expect((await ask('/proxy/x')).status).toBe(500)
    expect(await state()).toBe('closed')
    await hold(null)
    expect((await ask('/proxy/x')).status).toBe(500)
    expect(await state()).toBe('closed')
    for (let count = 0; count < 3; count += 1) await ask('/proxy/x')
    expect(await state()).toBe('open')
  })

  test('a hold ends with the guard, and there is none without it', async () => {
    await start({ GUARDS: 'breaker' })
    await hold('open')
    await change({ GUARDS: 'none' })
    expect([await state(), (await ask('/proxy/x')).status]).toEqual(['closed', 200])
    const refused = await admin.put('/-/breaker', { hold: 'open' })
    expect([refused.status, refused.body.detail]).toEqual([
      ...[400, 'breaker is not among the GUARDS: nothing would go by the hold'],
    ])
    await change({ GUARDS: 'breaker' })
    expect([await state(), (await ask('/proxy/x')).status]).toEqual(['closed', 200])
  })

  test('a hold outlives other settings of the breaker', async () => {
    await start({ GUARDS: 'breaker' })
    await hold('open')
    await change({ BREAKER_LEAST_CALLS: 7 })
    expect((await ask('/proxy/x')).status).toBe(503)
    expect(await state()).toBe('open')
  })

  test.each([{}, { hold: 'half-open' }, { hold: 'open', more: 1 }, [], 'open', null])(
    'refuses what it does not know: %j',
    async body => {
      await start()
      const answer = await admin.put('/-/breaker', body)
      expect([answer.status, answer.body.code]).toEqual([400, 'bad-request'])
      expect(answer.body.detail).toContain('accepted: {"hold": "open"}, {"hold": "closed"} or {"hold": null}')
    },
  )
})
