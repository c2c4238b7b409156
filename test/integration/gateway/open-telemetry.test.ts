import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { type OtlpCollector, startCollector } from '../../support/otlp-collector.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const SAMPLED = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1,other=2' }

let upstream: TestUpstream
let collector: OtlpCollector
let gateway: GatewayProcess
beforeEach(async () => {
  upstream = await startUpstream(json([]))
  collector = await startCollector()
})
afterEach(async () => {
  await gateway.close()
  await collector.close()
  await upstream.close()
})

async function start(settings: Record<string, string> = {}): Promise<void> {
  gateway = await spawnGateway({
    UPSTREAM_URL: upstream.url,
    SHED_LAG_MS: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_METRIC_EXPORT_INTERVAL: '100',
    DEADLINE_MS: '8000',
    ATTEMPT_LIMIT_MS: '8000',
    BREAKER_RESET_MS: '8000',
    ...settings,
  })
}

const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${gateway.ports.http}${path}`, { headers })

/** What arrived, once there are so many. */
const spans = (count: number) =>
  eventually(() => {
    expect(collector.spans.length).toBe(count)
    return collector.spans
  })

describe('with a collector, traces', () => {
  test('hold a span of the request, and one of each call to the upstream', async () => {
    let calls = 0
    upstream.answer = (request, response) => {
      calls += 1
      json([], {}, calls === 1 ? 503 : 200)(request, response)
    }
    await start()
    expect((await ask('/proxy/x?secret=1', SAMPLED)).status).toBe(200)
    const [first, second, request] = await spans(3)
    expect(request).toEqual({
      traceId: TRACE,
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
      parentId: PARENT,
      name: 'GET /proxy/*',
      kind: 2,
      statusCode: 0,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/proxy/*',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'url.path': '/proxy/x',
        'client.address': '127.0.0.1',
        'leeward.outcome': 'status-2xx',
        'leeward.cache_status': 'leeward; fwd=uri-miss; fwd-status=200; stored',
        'leeward.upstream_calls': 2,
      },
      resource: expect.objectContaining({ 'service.name': 'leeward', 'service.version': '0.1.0' }),
    })
    for (const call of [first!, second!]) {
      expect([call.traceId, call.parentId, call.name, call.kind]).toEqual([TRACE, request!.spanId, 'GET', 3])
      expect(call.attributes).toMatchObject({
        'server.address': '127.0.0.1',
        'server.port': upstream.port,
        'url.path': '/x',
      })
    }
    expect(first).toMatchObject({ statusCode: 2, attributes: { 'leeward.outcome': 'status-5xx' } })
    expect(second).toMatchObject({ statusCode: 0, attributes: { 'http.request.resend_count': 1 } })
    const parents = upstream.requests.map(({ headers }) => headers.traceparent)
    expect(parents).toEqual([first!, second!].map(({ spanId }) => `00-${TRACE}-${spanId}-01`))
    expect(upstream.requests.map(({ headers }) => headers.tracestate)).toEqual([
      SAMPLED.tracestate,
      SAMPLED.tracestate,
    ])
  })

  test('begin here where the client brings none, and tell of hits and refusals', async () => {
    await start({ BREAKER_LEAST_CALLS: '1', BREAKER_ERROR_PERCENT: '0', RETRY_ATTEMPTS: '0' })
    await ask('/aggregate/areas')
    await ask('/aggregate/areas')
    upstream.answer = json({}, {}, 500)
    await ask('/proxy/fails')
    expect((await ask('/proxy/refused')).status).toBe(503)
    await ask('/nowhere')
    const requests = (await spans(7)).filter(span => span.kind === 2)
    const told = requests.map(({ name, attributes, statusCode }) => [
      name,
      attributes['leeward.outcome'],
      attributes['leeward.guard'],
      attributes['leeward.upstream_calls'],
      statusCode,
    ])
    expect(told).toEqual([
      ['GET /aggregate/areas', 'status-2xx', undefined, 1, 0],
      ['GET /aggregate/areas', 'cached', undefined, 0, 0],
      ['GET /proxy/*', 'status-5xx', undefined, 1, 2],
      ['GET /proxy/*', 'breaker-open', 'breaker', 0, 2],
      ['GET', 'not-found', undefined, 0, 0],
    ])
    expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(5)
    expect(requests.map(({ parentId }) => parentId)).toEqual(['', '', '', '', ''])
  })

  test('are kept as OTEL_TRACES_SAMPLER says, and passed on all the same', async () => {
    await start({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' })
    await ask('/proxy/unsampled')
    await ask('/proxy/unsampled-by-parent', { traceparent: `00-${TRACE}-${PARENT}-00` })
    await ask('/proxy/sampled-by-parent', SAMPLED)
    const kept = await spans(2)
    expect(kept.map(({ attributes }) => attributes['url.path'])).toEqual([
      '/sampled-by-parent',
      '/proxy/sampled-by-parent',
    ])
    const passedOn = upstream.requests.map(({ headers }) => `${headers.traceparent}`)
    expect(passedOn[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(passedOn[1]).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-00$`))
    expect(passedOn[2]).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-01$`))
  })

  test('are sent before the process ends', async () => {
    await start({ OTEL_BSP_SCHEDULE_DELAY: '600000', OTEL_METRIC_EXPORT_INTERVAL: '600000' })
    await ask('/proxy/x')
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(collector.spans.length).toBe(2)
    expect(collector.points.length).toBeGreaterThan(5)
  })
})

describe('with a collector, metrics', () => {
  const point = (name: string, attributes: object) =>
    collector.points.find(
      candidate =>
        candidate.name === name && JSON.stringify(candidate.attributes) === JSON.stringify(attributes),
    )

  test('are sent as they stand', async () => {
    await start({ OTEL_TRACES_EXPORTER: 'none' })
    for (let count = 0; count < 3; count += 1) await ask('/proxy/x')
    await eventually(() => {
      expect(point('leeward.events', { source: 'cache', what: 'hit' })?.value).toBe(2)
      expect(point('leeward.breaker.state', { state: 'closed' })?.value).toBe(1)
      const cached = point('leeward.request.duration', { route: 'proxy', outcome: 'cached' })
      expect([cached?.count, cached?.unit]).toEqual([2, 's'])
      expect(cached?.buckets.reduce((sum, count) => sum + count, 0)).toBe(2)
      expect(point('leeward.cache.entries', {})?.value).toBe(1)
    })
    expect(collector.spans).toEqual([])
  })
})

describe('a collector that is not there', () => {
  test('costs no request, is told of in the log, and does not hold up the end', async () => {
    const { url } = collector
    await collector.close()
    collector = await startCollector()
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '200' })
    for (let count = 0; count < 5; count += 1) expect((await ask(`/proxy/${count}`)).status).toBe(200)
    await eventually(() => expect(gateway.stdout()).toContain('OpenTelemetry has a trouble'))
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(gateway.stdout()).toContain('"msg":"stopped"')
  })
})
