import { expect, test } from 'vitest'
import { Metrics } from '../../../chaos/proxy/metrics/metrics.ts'
import type { TcpProxy } from '../../../chaos/proxy/proxy.ts'

const proxy = (name: string) => ({ name, listen: '127.0.0.1:1', upstream: 'a:2' }) as TcpProxy

test.each([
  [0, '0'],
  [999_999, '999999'],
  [1_000_000, '1e+06'],
  [3_000_006, '3.000006e+06'],
  [12_345_678_901, '1.2345678901e+10'],
])('%d bytes are written %s, as Go writes floats', (bytes, written) => {
  const metrics = new Metrics({ proxyMetrics: true, runtimeMetrics: false })
  metrics.count(proxy('p'), 'upstream', { received: bytes, sent: null })
  expect(metrics.text()).toContain(`proxy="p",upstream="a:2"} ${written}\n`)
})

test('series come in the order of their labels, whichever was counted first', () => {
  const metrics = new Metrics({ proxyMetrics: true, runtimeMetrics: false })
  metrics.count(proxy('b'), 'upstream', { received: 1, sent: 1 })
  metrics.count(proxy('a'), 'upstream', { received: 1, sent: 1 })
  metrics.count(proxy('b'), 'downstream', { received: 1, sent: 1 })
  const shown = [...metrics.text().matchAll(/^(\w+)\{direction="(\w+)".*proxy="(\w+)"/gm)]
  const order = ['downstream b', 'upstream a', 'upstream b']
  expect(shown.map(([, name, direction, which]) => [name, `${direction} ${which}`])).toEqual([
    ...order.map(labels => ['toxiproxy_proxy_received_bytes_total', labels]),
    ...order.map(labels => ['toxiproxy_proxy_sent_bytes_total', labels]),
  ])
})

test('what has not been counted yet is not mentioned', () => {
  expect(new Metrics({ proxyMetrics: true, runtimeMetrics: false }).text()).not.toContain('toxiproxy_')
})
