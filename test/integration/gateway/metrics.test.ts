import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json([]))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const start = async (settings: Record<string, string> = {}) => {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, ...PATIENT, ...settings })
}
const ask = async (path: string, init: RequestInit = {}) => {
  const answer = await fetch(gateway.url + path, init)
  await answer.arrayBuffer()
  return answer.status
}
const text = async () => (await fetch(`${gateway.adminUrl}/metrics`)).text()

/** The value of one series. */
const value = async (series: string) => {
  const line = (await text()).split('\n').find(candidate => candidate.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('the metrics', () => {
  test('tell by route and outcome how long requests took', async () => {
    await start({ RETRY_ATTEMPTS: '0' })
    await ask('/proxy/x')
    await ask('/proxy/x')
    await ask('/aggregate/areas')
    await ask('/nowhere')
    upstream.answer = json({}, {}, 500)
    await ask('/proxy/y')
    const counts = async () =>
      Object.fromEntries(
        (await text())
          .split('\n')
          .flatMap(line => [...line.matchAll(/^leeward_request_duration_seconds_count\{(.*)\} (.*)$/g)])
          .map(([, labels, count]) => [labels, Number(count)]),
      )
    await eventually(async () =>
      expect(await counts()).toEqual({
        'route="proxy",outcome="fresh"': 1,
        'route="proxy",outcome="cached"': 1,
        'route="proxy",outcome="failed"': 1,
        'route="areas",outcome="fresh"': 1,
        'route="unknown",outcome="refused"': 1,
      }),
    )
    expect(await value('leeward_upstream_call_duration_seconds_count{outcome="fresh"}')).toBe(2)
    expect(await value('leeward_upstream_call_duration_seconds_count{outcome="failed"}')).toBe(1)
  })

  test('measure to the last byte of the answer', async () => {
    await start({ GUARDS: 'none' })
    const tookMs = 120
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
      setTimeout(() => response.end(), tookMs)
    }
    await ask('/proxy/x')
    const sum = 'leeward_request_duration_seconds_sum{route="proxy",outcome="fresh"}'
    await eventually(async () => expect(await value(sum)).toBeGreaterThan((tookMs / 1000) * 0.9))
    expect(await value('leeward_upstream_call_duration_seconds_sum{outcome="fresh"}')).toBeGreaterThan(
      (tookMs / 1000) * 0.9,
    )
  })

  test('tell of clients that hang up', async () => {
    await start()
    upstream.answer = silence
    const impatient = new AbortController()
    const asked = ask('/proxy/x', { signal: impatient.signal }).catch(() => {})
    await eventually(async () => expect(await value('leeward_upstream_in_flight')).toBe(1))
    impatient.abort()
    await asked
    await eventually(async () => {
      expect(await value('leeward_request_duration_seconds_count{route="proxy",outcome="gone"}')).toBe(1)
      expect(await value('leeward_upstream_call_duration_seconds_count{outcome="gone"}')).toBe(1)
    })
    expect(await value('leeward_upstream_in_flight')).toBe(0)
  })

  test('tell the state of the breaker and the size of the cache', async () => {
    await start({ BREAKER_LEAST_CALLS: '1', RETRY_ATTEMPTS: '0' })
    await ask('/proxy/a')
    await ask('/proxy/b')
    expect(await value('leeward_cache_entries')).toBe(2)
    expect(await value('leeward_cache_size_bytes')).toBeGreaterThan(100)
    upstream.answer = json({}, {}, 500)
    for (let count = 0; count < 4; count += 1) await ask(`/proxy/fails-${count}`)
    expect(await value('leeward_breaker_state{state="open"}')).toBe(1)
    expect(await value('leeward_breaker_state{state="closed"}')).toBe(0)
    expect(await value('leeward_events_total{source="breaker",what="refused"}')).toBeGreaterThan(0)
  })

  test('tell of the process: memory, CPU, event loop, garbage collection', async () => {
    await start()
    const page = await text()
    for (const name of [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'process_open_fds',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds',
      'leeward_event_loop_lag_seconds',
    ]) {
      expect(page).toContain(`# TYPE ${name} `)
    }
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000)
    const version = `leeward_build_info{version="0.1.0",node="${process.version}"}`
    expect(await value(version)).toBe(1)
  })

  test('have a bounded number of series, whatever is asked and answered', async () => {
    await start({ RATE_LIMIT_MAX: '1000000', GUARDS: 'rate-limit' })
    const series = async () => (await text()).split('\n').filter(line => line.startsWith('leeward_')).length
    const paths = (round: number) =>
      Array.from({ length: 40 }, (_, index) => `/proxy/${round}-${index}?${Math.random()}`)
    upstream.answer = (request, response) => {
      const status = 200 + (Number(request.url?.match(/-(\d+)/)?.[1]) % 40) * 10
      json({}, {}, status)(request, response)
    }
    for (const path of paths(1)) await ask(path, { headers: { 'user-agent': path } })
    const known = await series()
    for (const path of paths(2)) await ask(path, { headers: { 'user-agent': path } })
    expect(await series()).toBe(known)
    expect(known).toBeLessThan(200)
  })
})
