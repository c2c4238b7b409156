import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawGet } from '../../support/gateway-raw.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

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
  const gateway = await startGateway({ UPSTREAM_URL: upstream.url, CACHE: 'off', ...settings })
  open.push(gateway)
  return gateway
}

const FIELD = 'x-request-timeout-ms'
const ask = (gateway: TestGateway, timeout?: string, path = '/proxy/x') =>
  fetch(gateway.url + path, { headers: timeout === undefined ? {} : { [FIELD]: timeout } })
const told = () => upstream.requests.map(({ headers }) => headers[FIELD])

/** What a busy machine may add to a limit before a test calls it missed: far less than the limits that are not meant. */
const TOLERANCE_MS = 2_000

describe('a client that asks for a shorter deadline', () => {
  test.each(['/proxy/x', '/aggregate/areas'])('gets it: %s', async path => {
    upstream.answer = silence
    const gateway = await start({ DEADLINE_MS: '8000', BREAKER_RESET_MS: '8000', ATTEMPT_LIMIT_MS: '8000' })
    const before = performance.now()
    const answer = await ask(gateway, '50', path)
    const waitedMs = performance.now() - before
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      ...[504, 'client-deadline'],
    ])
    expect(waitedMs).toBeGreaterThanOrEqual(50)
    expect(waitedMs).toBeLessThan(50 + TOLERANCE_MS)
  })

  test('gets no longer one than there is', async () => {
    upstream.answer = silence
    const gateway = await start({ GUARDS: 'deadline', DEADLINE_MS: '50' })
    const before = performance.now()
    const answer = await ask(gateway, '99999999999999999999')
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      ...[504, 'deadline-exceeded'],
    ])
    expect(performance.now() - before).toBeLessThan(50 + TOLERANCE_MS)
  })

  test.each(['0', '-1', '1.5', '100ms', 'soon', '1e3', '10, 20'])(
    'and writes %j is told so in one line, and nobody is asked',
    async value => {
      const gateway = await start()
      for (const path of ['/proxy/x', '/aggregate/areas', '/unknown']) {
        const answer = await ask(gateway, value, path)
        const problem = (await answer.json()) as { code: string; detail: string }
        expect([answer.status, problem.code]).toEqual([400, 'bad-request'])
        expect(problem.detail).toContain(`X-Request-Timeout-Ms is ${JSON.stringify(value)}; accepted: whole`)
        expect(problem.detail).not.toContain('\n')
      }
      expect(upstream.requests.length).toBe(0)
    },
  )

  test.each(['abc', '50'])(
    'and writes 5000 and then %s in a second field is not guessed at',
    async second => {
      const gateway = await start()
      const answer = await rawGet(gateway.port, '/proxy/x', [`${FIELD}: 5000`, `${FIELD}: ${second}`])
      expect(answer.status).toBe(400)
      expect(answer.text).toContain(`X-Request-Timeout-Ms is \\"5000, ${second}\\"`)
      expect(upstream.requests.length).toBe(0)
    },
  )
})

describe('a client that asks for less time than the upstream needs', () => {
  const hasten = (gateway: TestGateway, count: number, path: (id: number) => string) =>
    Promise.all(Array.from({ length: count }, (_, id) => ask(gateway, '1', path(id))))

  test.each(['all', 'deadline,breaker', 'single-flight,deadline,breaker'])(
    'opens the breaker for nobody: GUARDS=%s',
    async guards => {
      upstream.answer = (request, response) => setTimeout(() => json({})(request, response), 30)
      const gateway = await start({ GUARDS: guards, BREAKER_LEAST_CALLS: '3', ...PATIENT })
      for (const path of [(id: number) => `/proxy/${id}`, () => '/proxy/same']) {
        const hasty = await hasten(gateway, 10, path)
        expect(new Set(hasty.map(({ status }) => status))).toEqual(new Set([504]))
      }
      expect((await ask(gateway)).status).toBe(200)
      expect((await gateway.counts())['breaker.refused']).toBeUndefined()
    },
  )

  test('gets what was known, where that may stand in for an answer that failed', async () => {
    const gateway = await start({ CACHE: 'memory', CACHE_FRESH_MS: '0', ...PATIENT })
    await ask(gateway)
    upstream.answer = silence
    const answer = await ask(gateway, '20')
    expect([answer.status, answer.headers.get('cache-status')]).toEqual([
      ...[200, expect.stringMatching(/ttl=-\d+; detail=client-deadline$/)],
    ])
  })
})

describe('the upstream', () => {
  test('is told what is left of the deadline, of the client’s where that is shorter', async () => {
    const gateway = await start({ DEADLINE_MS: '5000', BREAKER_RESET_MS: '5000', GUARDS: 'deadline' })
    for (const timeout of [undefined, '3000', '60000']) await ask(gateway, timeout)
    const [whole, asked, capped] = told().map(Number)
    for (const [left, most] of [
      [whole, 5_000],
      [asked, 3_000],
      [capped, 5_000],
    ] as const) {
      expect(left).toBeLessThanOrEqual(most)
      expect(left).toBeGreaterThan(most - TOLERANCE_MS)
    }
  })

  test('is told all of it by a request with a body, from whose end it counts', async () => {
    const gateway = await start({ GUARDS: 'deadline' })
    const headers = { [FIELD]: '300' }
    const answer = await fetch(`${gateway.url}/proxy/x`, { method: 'POST', body: '{}', headers })
    expect([answer.status, told()]).toEqual([200, ['300']])
  })

  test('is told less at the second attempt', async () => {
    upstream.answer = silence
    const gateway = await start()
    expect((await ask(gateway)).status).toBe(504)
    const [first, second] = told().map(Number)
    // The first attempt has taken its limit of 180 ms.
    expect(second).toBeLessThanOrEqual(first! - 180)
    expect(second).toBeGreaterThanOrEqual(1)
  })

  test('is told nothing where no deadline is kept, and the client’s own field passes as any other', async () => {
    const gateway = await start({ GUARDS: 'none' })
    expect((await ask(gateway)).status).toBe(200)
    expect((await ask(gateway, 'soon')).status).toBe(200)
    expect(told()).toEqual([undefined, 'soon'])
  })
})

test('a client’s short deadline does not cut short the call that others wait for, too', async () => {
  const held: (() => void)[] = []
  upstream.answer = (request, response) => void held.push(() => json({ ok: 1 })(request, response))
  const gateway = await start({
    GUARDS: 'single-flight,deadline',
    DEADLINE_MS: '8000',
  })
  const [hasty, patient] = [ask(gateway, '50'), ask(gateway)]
  expect((await hasty).status).toBe(504)
  held[0]?.()
  expect((await patient).status).toBe(200)
  expect(upstream.requests.length).toBe(1)
})
