import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawGet } from '../../support/gateway-raw.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json([]))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string>): Promise<void> {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, CACHE: 'off', ...settings })
}

const ask = (path = '/proxy/x') => fetch(gateway.url + path)

async function statuses(paths: readonly string[]): Promise<number[]> {
  const list: number[] = []
  for (const path of paths) list.push((await ask(path)).status)
  return list
}

/** One comes every 20 s, so that none comes back while a test runs. */
const SLOW = { RATE_LIMIT_MAX: '3', RATE_LIMIT_WINDOW_MS: '60000' }

test('it refuses with 429, Retry-After and the RateLimit fields, and spares the upstream', async () => {
  await start(SLOW)
  const answers = []
  for (let count = 0; count < 5; count += 1) answers.push(await ask())
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429])
  expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"default";q=3;w=60')
  const limits = answers.map(({ headers }) => headers.get('ratelimit'))
  expect(limits.map(limit => limit?.split(';')[1])).toEqual(['r=2', 'r=1', 'r=0', 'r=0', 'r=0'])
  const retryAfter = Number(answers[3]?.headers.get('retry-after'))
  // The first of the three leaks out after 20 s, of which the test has taken a little.
  expect(retryAfter).toBeGreaterThan(10)
  expect(retryAfter).toBeLessThanOrEqual(20)
  expect(limits[3]).toBe(`"default";r=0;t=${retryAfter}`)
  expect(((await answers[3]!.json()) as { code: string }).code).toBe('rate-limited')
  expect(upstream.requests.length).toBe(3)
})

test('a refusal of another guard says what is left, too', async () => {
  await start({ ...SLOW, GUARDS: 'rate-limit,deadline' })
  await upstream.refuse()
  const answer = await ask()
  expect([answer.status, answer.headers.get('ratelimit')?.split(';')[1]]).toEqual([502, 'r=2'])
})

test('so many may come at once, and no more', async () => {
  await start({ ...SLOW, RATE_LIMIT_BURST: '2' })
  const answers = await Promise.all([ask(), ask(), ask(), ask()])
  expect(answers.filter(({ status }) => status === 200).length).toBe(2)
  expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"default";q=3;w=60;leeward-burst=2')
})

test('a window that is no whole number of seconds is told as a rate', async () => {
  await start({ RATE_LIMIT_MAX: '10', RATE_LIMIT_WINDOW_MS: '400' })
  expect((await ask()).headers.get('ratelimit-policy')).toBe('"default";q=25;w=1;leeward-burst=10')
})

test('what has leaked out may come again', async () => {
  await start({ RATE_LIMIT_MAX: '5', RATE_LIMIT_WINDOW_MS: '1000', RATE_LIMIT_BURST: '1' })
  expect(await statuses(['/proxy/x', '/proxy/x'])).toEqual([200, 429])
  await eventually(async () => expect((await ask()).status).toBe(200))
})

test('a request that asks for a deadline that is none counts as any other', async () => {
  await start(SLOW)
  const headers = { 'x-request-timeout-ms': 'soon' }
  const answers = []
  for (let count = 0; count < 4; count += 1) answers.push(await fetch(`${gateway.url}/proxy/x`, { headers }))
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 429])
  const limits = answers.map(answer => answer.headers.get('ratelimit')?.split(';')[1])
  expect(limits).toEqual(['r=2', 'r=1', 'r=0', 'r=0'])
})

describe('each route has a limit of its own', () => {
  test('the proxy, the areas, and whatever is not served; /health has none', async () => {
    await start({ ...SLOW, RATE_LIMIT_BURST: '1' })
    const served = ['/proxy/x', '/proxy/y', '/aggregate/areas', '/aggregate/areas', '/a', '/b', '/health']
    expect(await statuses(served)).toEqual([200, 429, 200, 429, 404, 429, 200])
  })

  test('every spelling of the proxy counts as the proxy', async () => {
    await start({ ...SLOW, RATE_LIMIT_BURST: '2' })
    const targets = ['/proxy/x', '/proxy/y?z', '/proxy/', '/proxy/%78']
    const answers = []
    for (const target of targets) answers.push((await rawGet(gateway.port, target)).status)
    expect(answers).toEqual([200, 200, 429, 429])
  })
})
