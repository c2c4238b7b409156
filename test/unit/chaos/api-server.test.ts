import { afterEach, expect, test, vi } from 'vitest'
import { createApi } from '../../../chaos/proxy/api/api-server.ts'
import { Leases } from '../../../chaos/proxy/leases/leases.ts'
import { Metrics } from '../../../chaos/proxy/metrics/metrics.ts'
import { Proxies } from '../../../chaos/proxy/proxies.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** As when the name in `listen` does not resolve, nor fail to. */
class SlowProxies extends Proxies {
  readonly called = Promise.withResolvers<void>()
  override create(): Promise<never> {
    this.called.resolve()
    return new Promise(() => {})
  }
}

test("a call that is not done after 25 s is answered with the real server's 503", async () => {
  const metrics = new Metrics({ proxyMetrics: false, runtimeMetrics: false })
  const proxies = new SlowProxies({
    seed: 1,
    isStrict: false,
    hasExtensions: false,
    log: () => {},
    countLink: () => {},
  })
  const leases = new Leases({ proxies, log: () => {} })
  const api = createApi({ proxies, leases, metrics, log: () => {}, version: 'git', hasExtensions: false })
  await api.ready()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let isAnswered = false
  const asked = api.inject({ method: 'POST', url: '/proxies', payload: '{}' }).finally(() => {
    isAnswered = true
  })
  await proxies.called.promise
  await vi.advanceTimersByTimeAsync(24_900)
  expect(isAnswered).toBe(false)
  await vi.advanceTimersByTimeAsync(200)
  const answer = await asked
  expect(answer.statusCode).toBe(503)
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(answer.body).toBe('<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>')
  await api.close()
})
