import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
/** Calls of the upstream that were closed before they were answered. */
let cancelled: number
beforeEach(async () => {
  cancelled = 0
  upstream = await startUpstream((_request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) cancelled += 1
    })
  })
  gateway = await startGateway({
    UPSTREAM_URL: upstream.url,
    GUARDS: 'bulkhead,breaker,retry,attempt-limit',
    HEDGE_MS: '50',
    ...PATIENT,
  })
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const inFlight = async () =>
  /leeward_upstream_in_flight (\d+)/.exec(await (await fetch(`${gateway.adminUrl}/metrics`)).text())?.[1]

test('a second attempt rescues a read whose first one hangs, and the first is cancelled', async () => {
  const hang = upstream.answer
  upstream.answer = (request, response) =>
    upstream.requests.length === 1 ? hang(request, response) : json({ ok: true })(request, response)
  const answer = await fetch(`${gateway.url}/proxy/x`)
  expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
  expect(upstream.requests.length).toBe(2)
  await eventually(() => expect(cancelled).toBe(1))
  expect(await inFlight()).toBe('0')
  const counts = await gateway.counts()
  expect([counts['retry.hedged'], counts['upstream.superseded']]).toEqual([1, 1])
})

test('a read whose header came in time is not asked for again, however slowly its body comes', async () => {
  const held: (() => void)[] = []
  upstream.answer = (_request, response) => {
    response.writeHead(200, { 'content-length': '2' }).flushHeaders()
    held.push(() => response.end('ok'))
  }
  // Buffered, so that the chain has its answer only with the last byte.
  const answer = fetch(`${gateway.url}/proxy/x`)
  await eventually(() => expect(held.length).toBe(1))
  const other = fetch(`${gateway.url}/proxy/other`)
  await eventually(() => expect(held.length).toBe(2))
  // Its hedge would have been due long before this one, which begins and ends after it.
  const beganAt = performance.now()
  await eventually(() => expect(performance.now() - beganAt).toBeGreaterThan(100))
  for (const release of held) release()
  expect([(await answer).status, (await other).status]).toEqual([200, 200])
  expect(upstream.requests.length).toBe(2)
  expect((await gateway.counts())['retry.hedged']).toBeUndefined()
})

test('a client that leaves ends both attempts', async () => {
  const leaving = new AbortController()
  const answer = fetch(`${gateway.url}/proxy/x`, { signal: leaving.signal })
  await eventually(() => expect(upstream.requests.length).toBe(2))
  leaving.abort()
  await expect(answer).rejects.toThrow()
  await eventually(() => expect(cancelled).toBe(2))
  expect(await inFlight()).toBe('0')
})
