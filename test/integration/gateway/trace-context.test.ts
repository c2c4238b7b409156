import { afterEach, beforeEach, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json([]))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const received = () =>
  upstream.requests.map(({ headers: { traceparent, tracestate } }) => [traceparent, tracestate])

test.each(['/proxy/x', '/aggregate/areas'])('%s passes a trace context on as it came', async path => {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none' })
  const tracestate = 'vendor=a b,other@x=2'
  await fetch(gateway.url + path, { headers: { traceparent: TRACEPARENT, tracestate } })
  expect(received()).toEqual([[TRACEPARENT, tracestate]])
})

test.each(['/proxy/x', '/aggregate/areas'])('%s drops one that is not valid, and makes none', async path => {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none' })
  await fetch(gateway.url + path, { headers: { traceparent: 'nonsense', tracestate: 'vendor=1' } })
  await fetch(gateway.url + path, { headers: { tracestate: 'vendor=1' } })
  await fetch(gateway.url + path)
  expect(received()).toEqual([
    [undefined, undefined],
    [undefined, undefined],
    [undefined, undefined],
  ])
})
