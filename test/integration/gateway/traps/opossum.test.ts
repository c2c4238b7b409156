// What opossum 10.0.0 does, each found in its source and measured; and that none of it reaches a client of ours.
import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { breaker } from '../../../../src/guards/breaker.ts'
import { compose } from '../../../../src/guards/guard.ts'
import { retry } from '../../../../src/guards/retry.ts'
import { retryBudget } from '../../../../src/guards/retry-budget.ts'
import { eventually } from '../../../support/eventually.ts'
import { startGateway, type TestGateway } from '../../../support/gateway-app.ts'
import { answerOf, outcomeOf, placesOf, requestOf } from '../../../support/gateway-chain.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(guards: string, settings: Record<string, string> = {}): Promise<void> {
  gateway = await startGateway({
    UPSTREAM_URL: upstream.url,
    GUARDS: guards,
    // However slow the machine is, all calls of a test lie in it.
    BREAKER_WINDOW_MS: '60000',
    ...settings,
  })
}

const failing = json({}, {}, 500)
const read = (path = '/x') => fetch(`${gateway.url}/proxy${path}`)
const statusOf = async (path?: string) => (await read(path)).status
const statusesOf = (count: number, path = '') =>
  Promise.all(Array.from({ length: count }, (_, index) => statusOf(`${path}/${index}`)))

interface Stats {
  breaker: string
  upstreamInFlightMax: number
  counts: Record<string, number>
}
const stats = async () => (await (await fetch(`${gateway.adminUrl}/-/stats`)).json()) as Stats
const state = async () => (await stats()).breaker

/** Answers when the test says so. */
function held() {
  const release: (() => void)[] = []
  upstream.answer = (request, response) => void release.push(() => json({ ok: true })(request, response))
  return release
}

async function trip(calls: number): Promise<void> {
  upstream.answer = failing
  for (let count = 0; count < calls; count += 1) await statusOf(`/trip/${count}`)
  expect(await state()).toBe('open')
}

describe('error rate = failures / fires, and fires counts cache hits, coalesced calls and open-state rejections', () => {
  test('with 80 % cache hits the breaker opens at its 20th call', async () => {
    await start('cache,single-flight,breaker', { CACHE_FRESH_MS: '60000' })
    await statusOf('/known')
    upstream.answer = failing
    for (let calls = 1; calls < 20; calls += 1) {
      expect(await state()).toBe('closed')
      for (let hits = 0; hits < 4; hits += 1) expect(await statusOf('/known')).toBe(200)
      expect(await statusOf(`/unknown/${calls}`)).toBe(500)
    }
    expect(await state()).toBe('open')
  })

  test('coalesced calls and calls under way do not delay it', async () => {
    await start('single-flight,breaker')
    const release = held()
    const shared = Promise.all(Array.from({ length: 100 }, () => statusOf('/shared')))
    const underWay = statusesOf(30, '/held')
    await eventually(() => expect(release.length).toBe(31))
    await trip(20)
    for (const one of release) one()
    await Promise.all([shared, underWay])
  })

  test('what it refuses does not keep it from opening again', async () => {
    await start('breaker', { BREAKER_RESET_MS: '50' })
    await trip(20)
    await statusesOf(100)
    upstream.answer = json({ ok: true })
    await eventually(async () => expect(await statusOf()).toBe(200))
    upstream.answer = failing
    await statusOf()
    expect(await state()).toBe('open')
  })
})

test('`capacity` rejections count as failures: ours are the bulkhead’s, and open nothing', async () => {
  await start('bulkhead,breaker', { BULKHEAD_MAX: '5' })
  const release = held()
  const answers = statusesOf(100)
  await eventually(async () => expect((await stats()).counts['bulkhead.refused']).toBe(95))
  for (const one of release) one()
  expect((await answers).filter(status => status === 200).length).toBe(5)
  expect(await state()).toBe('closed')
})

test('a timeout frees the semaphore while the call still runs: our limit ends the call, then frees its place', async () => {
  await start('bulkhead,breaker,attempt-limit', {
    ...{ BULKHEAD_MAX: '5', ATTEMPT_LIMIT_MS: '100', BREAKER_LEAST_CALLS: '1000' },
  })
  let isEnded = 0
  upstream.answer = (_request, response) => response.on('close', () => (isEnded += 1))
  const statuses: number[] = []
  for (let round = 0; round < 4; round += 1) statuses.push(...(await statusesOf(10)))
  const timedOut = statuses.filter(status => status === 504).length
  expect(timedOut).toBeGreaterThanOrEqual(20)
  expect(statuses.filter(status => status === 503).length).toBe(40 - timedOut)
  expect((await stats()).upstreamInFlightMax).toBe(5)
  await eventually(() => expect(isEnded).toBe(timedOut))
})

test('one `abortController` per breaker: of ours, a call that is too slow ends itself and no other', async () => {
  await start('breaker,attempt-limit', { ATTEMPT_LIMIT_MS: '2000' })
  const release: (() => void)[] = []
  upstream.answer = (request, response) => {
    if (request.url === '/slow') silence(request, response)
    else release.push(() => json({ ok: true })(request, response))
  }
  const slow = statusOf('/slow')
  await eventually(() => expect(upstream.requests.length).toBe(1))
  // The siblings begin later, and are under way when it ends.
  const begunAt = performance.now()
  await eventually(() => expect(performance.now() - begunAt).toBeGreaterThan(1_000))
  const siblings = statusesOf(20)
  expect(await slow).toBe(504)
  expect(release.length).toBe(20)
  for (const one of release) one()
  expect(new Set(await siblings)).toEqual(new Set([200]))
})

describe('while half-open', () => {
  const RESET = { BREAKER_LEAST_CALLS: '5', BREAKER_RESET_MS: '100' }
  const untilHalfOpen = () => eventually(async () => expect(await state()).toBe('half-open'))

  test('an error accepted by `errorFilter` emits `success`: a probe whose client leaves does not close ours', async () => {
    await start('breaker', { ...RESET, BREAKER_RESET_MS: '1000' })
    await trip(5)
    upstream.answer = silence
    await untilHalfOpen()
    const client = httpRequest(`${gateway.url}/proxy/probe`).on('error', () => {})
    client.end()
    await eventually(async () => expect((await stats()).counts['breaker.probed']).toBe(1))
    client.destroy()
    await eventually(async () => expect((await stats()).counts['requests.client-gone']).toBe(1))
    expect(await state()).toBe('half-open')
    upstream.answer = json({ ok: true })
    expect([await statusOf(), await state()]).toEqual([200, 'closed'])
  })

  test('any success closes it, also of a call issued before the trip: to ours it comes too late to count', async () => {
    await start('breaker', RESET)
    const release = held()
    const early = statusOf('/early')
    await eventually(() => expect(release.length).toBe(1))
    await trip(5)
    await untilHalfOpen()
    release[0]?.()
    expect(await early).toBe(200)
    expect([await state(), (await stats()).counts['breaker.stale-result']]).toEqual(['half-open', 1])
  })

  test('with no timeout a hanging probe freezes the breaker: ours ends, and the next one heals', async () => {
    await start('breaker,attempt-limit', { ...RESET, ATTEMPT_LIMIT_MS: '50' })
    await trip(5)
    upstream.answer = silence
    await untilHalfOpen()
    expect(await statusOf('/probe')).toBe(504)
    upstream.answer = json({ ok: true })
    await eventually(async () => expect(await statusOf()).toBe(200))
    expect(await state()).toBe('closed')
  })

  test('closes on the first success; a probe count was refused: so does ours, and one failure more opens it', async () => {
    await start('breaker', RESET)
    await trip(5)
    upstream.answer = json({ ok: true })
    await eventually(async () => expect(await statusOf()).toBe(200))
    expect(await state()).toBe('closed')
    upstream.answer = failing
    await statusOf()
    expect(await state()).toBe('open')
  })
})

describe('opossum defaults under partial failure: most calls wait for its statistics', () => {
  const CALLS = 400

  test('ours sorts no latencies, and takes no snapshots, while a third of its calls fail', async () => {
    await start('breaker', { BREAKER_ERROR_PERCENT: '50' })
    upstream.answer = (request, response) =>
      (upstream.requests.length % 3 === 0 ? failing : json({ ok: true }))(request, response)
    const sort = vi.spyOn(Array.prototype, 'sort')
    const emit = vi.spyOn(process.getBuiltinModule('node:events').prototype, 'emit')
    try {
      const statuses = await statusesOf(CALLS)
      expect(statuses.filter(status => status === 500).length).toBe(Math.floor(CALLS / 3))
      const latencies = sort.mock.contexts.filter(list => (list as unknown[]).every(Number.isFinite))
      expect(latencies.filter(list => (list as unknown[]).length > 1)).toEqual([])
      expect(emit.mock.calls.filter(([name]) => name === 'snapshot')).toEqual([])
      // The spy sees what the breaker emits.
      expect(emit.mock.calls.filter(([name]) => name === 'fire').length).toBe(CALLS)
    } finally {
      sort.mockRestore()
      emit.mockRestore()
    }
  })
})

/** So many requests one after the other of an upstream that always fails, through these guards alone. */
async function callsThrough(order: 'breaker outside' | 'retry outside'): Promise<number> {
  const limits = {
    breakerErrorPercent: 50,
    breakerLeastCalls: 5,
    breakerWindowMs: 60_000,
    breakerResetMs: 60_000,
  }
  const made = breaker(
    { ...limits, slowCallMs: 0 },
    () => {},
    () => {},
  )
  const retries = { retryAttempts: 2, retryBackoffMs: 0, retryBackoffMostMs: 0, hedgeMs: 0 }
  const budget = retryBudget({ retryBudgetPercent: 0, retryBudgetPerSecond: 1_000 })
  const options = { ...retries, bulkheadMax: 64, bulkheadClientMax: 0 }
  const retrying = retry(options, { budget, places: placesOf(), breaker: made }, () => {})
  const guards = order === 'breaker outside' ? [made.guard, retrying] : [retrying, made.guard]
  let calls = 0
  const run = compose(guards, async () => {
    calls += 1
    return answerOf(503)
  })
  for (let count = 0; count < 20; count += 1) await outcomeOf(run(requestOf()))
  made.close()
  return calls
}

test('order of breaker and retry: 20 requests of a dead upstream are 15 calls with the breaker outside, 5 with the retry', async () => {
  expect([await callsThrough('breaker outside'), await callsThrough('retry outside')]).toEqual([15, 5])
})

test('order of breaker and retry: ours is the breaker outside, 15 calls', async () => {
  await start('breaker,retry', {
    ...{ BREAKER_LEAST_CALLS: '5', RETRY_ATTEMPTS: '2', RETRY_BACKOFF_MS: '0' },
    RETRY_BUDGET_PER_SECOND: '1000',
  })
  upstream.answer = json({}, {}, 503)
  for (let count = 0; count < 20; count += 1) await statusOf(`/${count}`)
  expect(upstream.requests.length).toBe(15)
})
