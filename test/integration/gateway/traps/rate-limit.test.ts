// What @fastify/rate-limit 11.2.0 does, each found in its source and measured; and that none of it reaches a client.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { startGateway, type TestGateway } from '../../../support/gateway-app.ts'
import { json, startUpstream, type TestUpstream } from '../../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string>): Promise<void> {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'rate-limit', ...settings })
}

const SLOW = { RATE_LIMIT_MAX: '5', RATE_LIMIT_WINDOW_MS: '600000' }
const statusOf = async (path = '/proxy/x') => (await fetch(gateway.url + path)).status

/** The plugin's clients waited for over 8 s; ours may be on a busy machine. */
const MOST_MS = 1_000

describe.each(['refuses', 'accepts and never answers'])('a Redis that %s', how => {
  const sockets: Socket[] = []
  const redis = createServer(socket => void sockets.push(socket.on('error', () => {})))
  beforeEach(async () => {
    redis.listen(0, '127.0.0.1')
    await once(redis, 'listening')
    const { port } = redis.address() as { port: number }
    if (how === 'refuses') redis.close()
    await start({ ...SLOW, REDIS_URL: `redis://127.0.0.1:${port}` })
  })
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    redis.close()
  })

  test('`skipOnError` defaults to false, so a dead Redis becomes an error for every client; with it, none is limited', async () => {
    const statuses = []
    for (let count = 0; count < 8; count += 1) statuses.push(await statusOf())
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429])
  })

  test('with `skipOnError` and a client’s defaults requests hang over 8 s', async () => {
    for (let count = 0; count < 8; count += 1) {
      const before = performance.now()
      await statusOf()
      expect(performance.now() - before).toBeLessThan(MOST_MS)
    }
  })
})

test('its window is fixed, so a burst on the edge gets twice the limit: ours has no edges', async () => {
  const [max, windowMs] = [5, 1_000]
  await start({ RATE_LIMIT_MAX: String(max), RATE_LIMIT_WINDOW_MS: String(windowMs) })
  const begunAt = performance.now()
  const until = (ms: number) => eventually(() => expect(performance.now() - begunAt).toBeGreaterThan(ms))
  // With this the plugin's window begins.
  expect(await statusOf()).toBe(200)
  await until(0.9 * windowMs)
  const burstAt = performance.now()
  const ask = () => Promise.all(Array.from({ length: 2 * max }, () => statusOf()))
  const before = await ask()
  await until(windowMs)
  const after = await ask()
  const leaked = ((performance.now() - burstAt) * max) / windowMs
  const admitted = [...before, ...after].filter(status => status === 200).length
  expect(admitted).toBeGreaterThanOrEqual(max)
  expect(admitted).toBeLessThanOrEqual(max + leaked)
})

test('`isAllowed` means allow-listed: what is exceeded is refused, and what is not is not', async () => {
  await start({ ...SLOW, RATE_LIMIT_MAX: '1' })
  expect([await statusOf(), await statusOf()]).toEqual([200, 429])
})

test('numeric trustProxy is ignored: with 1, clients behind a proxy share one bucket; ours, by address, have their own', async () => {
  const clients = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
  // Its types no longer know of it, either.
  const app = fastify({ trustProxy: 1 as never })
  app.get('/', async ({ ip }) => ip)
  const seen = clients.map(
    async client => (await app.inject({ url: '/', headers: { 'x-forwarded-for': client } })).body,
  )
  expect(new Set(await Promise.all(seen)).size).toBe(1)
  await app.close()
  await start({ ...SLOW, RATE_LIMIT_MAX: '1', TRUSTED_PROXIES: '127.0.0.1' })
  const statuses = []
  for (const client of [...clients, ...clients])
    statuses.push((await fetch(`${gateway.url}/proxy/x`, { headers: { 'x-forwarded-for': client } })).status)
  expect(statuses).toEqual([200, 200, 200, 429, 429, 429])
})

test('404s are not limited: ours are, apart from what is found', async () => {
  await start({ ...SLOW, RATE_LIMIT_MAX: '2' })
  const statuses = []
  for (const path of ['/a', '/b', '/c', '/d', '/proxy/x']) statuses.push(await statusOf(path))
  expect(statuses).toEqual([404, 404, 429, 429, 200])
})

test('its draft option emits the old three headers: ours are the current two, beside Retry-After', async () => {
  await start({ ...SLOW, RATE_LIMIT_MAX: '1' })
  const names = []
  for (let count = 0; count < 2; count += 1) {
    const { headers } = await fetch(`${gateway.url}/proxy/x`)
    names.push([...headers.keys()].filter(name => /ratelimit|rate-limit|retry/.test(name)))
  }
  expect(names).toEqual([
    ['ratelimit', 'ratelimit-policy'],
    ['ratelimit', 'ratelimit-policy', 'retry-after'],
  ])
})
