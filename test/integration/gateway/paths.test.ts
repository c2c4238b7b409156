import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange, rawGet } from '../../support/gateway-raw.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = await startUpstream((request, response) => json({ url: request.url })(request, response))
  gateway = await startGateway({ UPSTREAM_URL: `${upstream.url}/base/`, CACHE: 'off', ...PATIENT })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

describe('a target that could be resolved elsewhere', () => {
  const attacks = [
    '/proxy/../admin',
    '/proxy/a/../../admin',
    '/proxy/..',
    '/proxy/.',
    '/proxy/%2e%2e/admin',
    '/proxy/%2E%2e/admin',
    '/proxy/.%2e/admin',
    '/proxy/%2e./admin',
    '/proxy/a/%2e',
    '/proxy/..;/admin',
    '/proxy/..%3bx=y/admin',
    '/proxy/..%2fadmin',
    '/proxy/a%2Fb',
    '/proxy/..%5cadmin',
    '/proxy/a%5Cb',
    '/proxy/..\\admin',
    '/proxy\\..\\admin',
    '/proxy/a%00b',
    '/proxy//evil.test/x',
    '//evil.test/proxy/x',
    'http://evil.test/proxy/x',
    'https://127.0.0.1/proxy/x',
    '/proxy/x#fragment',
    '/%70roxy/../admin',
    '/proxy/%zz/../x',
    '/proxy/%252e%252e/admin',
    '/proxy/.%25252e/admin',
    '/proxy/..%252fadmin',
    '/proxy/a%252f..%255cadmin',
    '/proxy/..%2500/admin',
    '/proxy/%c0%ae%c0%ae/admin',
    '/proxy/%e0%80%ae%e0%80%ae/admin',
    '/proxy/%f0%80%80%ae./admin',
    '/proxy/..%c0%afadmin',
    '/proxy/%u002e%u002e/admin',
    '/proxy/a%',
  ]
  test.each(attacks)('%s is refused with 400 bad-path and never reaches the upstream', async target => {
    const before = upstream.requests.length
    const answer = await rawGet(gateway.port, target)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('application/problem+json')
    expect(answer.text).toContain('"code":"bad-path"')
    expect(upstream.requests.length).toBe(before)
  })

  test.each(['/proxy/a\0b', '/proxy/a\x01b', '/proxy/a\x7fb'])(
    'a raw control byte is refused',
    async target => {
      const before = upstream.requests.length
      const answer = await rawGet(gateway.port, target)
      expect(answer.status).toBe(400)
      expect(answer.text).toContain('application/problem+json')
      expect(upstream.requests.length).toBe(before)
    },
  )

  test('an authority-form target is not forwarded', async () => {
    const before = upstream.requests.length
    await rawExchange(gateway.port, 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n')
    expect(upstream.requests.length).toBe(before)
  })

  test('the router does not decode its way into the proxy', async () => {
    const before = upstream.requests.length
    expect((await rawGet(gateway.port, '/%70roxy/x')).status).toBe(404)
    expect(upstream.requests.length).toBe(before)
  })
})

describe('a target that is what it says', () => {
  const accepted = [
    ['/proxy/', '/base/'],
    ['/proxy/areas/7', '/base/areas/7'],
    ['/proxy/a..b/.hidden/c.', '/base/a..b/.hidden/c.'],
    ['/proxy/a%20b/%C3%A9?x=%2e%2e/%2F&y=..&y=a+b&&', '/base/a%20b/%C3%A9?x=%2e%2e/%2F&y=..&y=a+b&&'],
    ['/proxy/x?', '/base/x?'],
    ['/proxy/a%252Fb/100%25/%252ehidden', '/base/a%252Fb/100%25/%252ehidden'],
    ['/proxy/http://evil.test/x', '/base/http://evil.test/x'],
    ['/proxy/a//b/', '/base/a//b/'],
    ['/proxy/x?a=//evil.test', '/base/x?a=//evil.test'],
    [`/proxy/${'long/'.repeat(1_000)}`, `/base/${'long/'.repeat(1_000)}`],
    [`/proxy/${'x'.repeat(5_000)}`, `/base/${'x'.repeat(5_000)}`],
  ] as const
  test.each(accepted)('%s reaches the upstream byte for byte', async (target, expected) => {
    const answer = await rawGet(gateway.port, target)
    expect(answer.status).toBe(200)
    expect(upstream.requests.at(-1)?.url).toBe(expected)
  })
})
