// What the gateway says of itself and of its client, and whom it believes.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { adminOf, TOKEN } from '../../support/gateway-admin.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import * as raw from '../../support/gateway-raw.ts'
import { startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
const gateways: TestGateway[] = []
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await Promise.all(gateways.splice(0).map(gateway => gateway.close()))
  await upstream.close()
})

async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    ...{ UPSTREAM_URL: upstream.url, CACHE: 'off', RATE_LIMIT_MAX: '100000', ...PATIENT },
    ...settings,
  })
  gateways.push(gateway)
  return gateway
}

async function freePort(): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return String(port)
}

const rawGet = (port: number, target: string, headers: string[] = []) =>
  raw.rawGet(port, target, headers, 'gateway.test')

const received = (name: string) => upstream.requests.at(-1)?.headers[name]

describe('Via', () => {
  test('names the gateway to the upstream and to the client, beside those that were before', async () => {
    upstream.answer = (_request, response) => response.writeHead(200, { via: '1.0 behind' }).end()
    const { port } = await start({ VIA_NAME: 'edge.example' })
    const answer = await rawGet(port, '/proxy/x', ['Via: 1.1 before', 'Via: 1.1 nearer (a proxy)'])
    expect(received('via')).toBe('1.1 before, 1.1 nearer (a proxy), 1.1 edge.example')
    expect(answer.text.match(/^via: .*$/gim)).toEqual(['via: 1.0 behind', 'via: 1.1 edge.example'])
  })

  test('is drawn where none is set, so that two gateways in a row know themselves apart', async () => {
    const inner = await start()
    const outer = await start({ UPSTREAM_URL: `${inner.url}/proxy` })
    expect((await rawGet(outer.port, '/proxy/x')).status).toBe(200)
    expect(received('via')).toMatch(/^1\.1 (leeward-[\da-f]{8}), 1\.1 (?!\1)leeward-[\da-f]{8}$/)
  })

  test('goes with the gateway’s own request for the areas, too', async () => {
    const { port } = await start({ VIA_NAME: 'edge' })
    await rawGet(port, '/aggregate/areas')
    expect(received('via')).toBe('1.1 edge')
  })
})

describe('a request that comes round', () => {
  const loop = async (answer: { status: number; text: string }) => {
    expect(answer.status).toBe(508)
    expect(answer.text.match(/"code":"[^"]*"/g)).toEqual(['"code":"loop-detected"'])
  }

  test('to a gateway in front of itself is one 508', async () => {
    const port = await freePort()
    const gateway = await start({ PORT: port, UPSTREAM_URL: `http://127.0.0.1:${port}/proxy` })
    await loop(await rawGet(gateway.port, '/proxy/x'))
    expect((await gateway.counts())['requests.loop-detected']).toBe(1)
    expect((await gateway.counts())['upstream.status-5xx']).toBe(1)
  })

  test('by way of another gateway is one, too', async () => {
    const port = await freePort()
    const other = await start({ UPSTREAM_URL: `http://127.0.0.1:${port}/proxy` })
    const gateway = await start({ PORT: port, UPSTREAM_URL: `${other.url}/proxy` })
    await loop(await rawGet(gateway.port, '/proxy/x'))
    await loop(await rawGet(other.port, '/proxy/x'))
  })

  test('by way of /aggregate/areas is not aggregated', async () => {
    const port = await freePort()
    const gateway = await start({ PORT: port, UPSTREAM_URL: `http://127.0.0.1:${port}/proxy` })
    const answer = await rawGet(gateway.port, '/aggregate/areas')
    expect([answer.status, answer.text.includes('upstream-invalid')]).toEqual([502, true])
    expect((await gateway.counts())['requests.loop-detected']).toBe(1)
  })

  test('is known by the whole name, in any list, with or without a comment', async () => {
    const { port } = await start({ VIA_NAME: 'edge.example' })
    const status = async (via: string) => (await rawGet(port, '/proxy/x', [`Via: ${via}`])).status
    for (const via of [
      '1.1 edge.example',
      '1.0 a, HTTP/1.1 EDGE.example (us), 1.1 b',
      '1.1 a,1.1\tedge.example,1.1 b',
    ])
      expect(await status(via)).toBe(508)
    for (const via of [
      '1.1 edge',
      '1.1 edgeXexample',
      '1.1 my.edge.example',
      '1.1 edge.example.test',
      '1.1 a (edge.example)',
    ])
      expect(await status(via)).toBe(200)
  })
})

describe('X-Forwarded-*', () => {
  const claims = [
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Prefix: /evil',
    'X-Real-IP: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
  ]

  test('of a stranger is replaced', async () => {
    const { port } = await start({ TRUSTED_PROXIES: '10.0.0.0/8,::1' })
    await rawGet(port, '/proxy/x', claims)
    const told = Object.entries(upstream.requests[0]!.headers).filter(([name]) => /forwarded|real/.test(name))
    expect(Object.fromEntries(told)).toEqual({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'gateway.test',
      'x-forwarded-proto': 'http',
    })
  })

  test('of a trusted proxy is kept and added to', async () => {
    const { port } = await start({ TRUSTED_PROXIES: '127.0.0.0/8' })
    await rawGet(port, '/proxy/x', [...claims, 'X-Forwarded-For: 10.0.0.1'])
    expect(received('x-forwarded-for')).toBe('6.6.6.6, 10.0.0.1, 127.0.0.1')
    expect(received('x-forwarded-proto')).toBe('https')
    expect(received('x-forwarded-host')).toBe('evil.test')
    expect(received('x-forwarded-port')).toBe('1')
    expect(received('forwarded')).toBe('for=6.6.6.6')
  })

  test('of a trusted proxy that says nothing is the proxy itself', async () => {
    const { port } = await start({ TRUSTED_PROXIES: '127.0.0.1' })
    await rawGet(port, '/proxy/x')
    expect(received('x-forwarded-for')).toBe('127.0.0.1')
    expect(received('x-forwarded-proto')).toBe('http')
    expect(received('x-forwarded-host')).toBe('gateway.test')
  })

  test('cannot be made away with by naming it in Connection', async () => {
    const { port } = await start({ TRUSTED_PROXIES: '127.0.0.1' })
    await rawGet(port, '/proxy/x', ['Connection: X-Forwarded-For, Via, Host', 'X-Forwarded-For: 192.0.2.1'])
    expect(received('x-forwarded-for')).toBe('192.0.2.1, 127.0.0.1')
    expect(received('via')).toMatch(/^1\.1 leeward-/)
  })
})

describe('what would name another target, host or method', () => {
  const toldNames = () => Object.keys(upstream.requests.at(-1)!.headers)

  test.each([
    ...['X-Original-URL', 'X-Rewrite-URL', 'X-Original-URI', 'X-Override-URL', 'X-Host', 'X-Original-Host'],
    ...['X-HTTP-Host-Override', 'X-Forwarded', 'X-Scheme', 'X-Url-Scheme', 'Front-End-Https'],
    'X-Middleware-Subrequest',
  ])('%s goes no further, whoever says it', async name => {
    const { port } = await start({ TRUSTED_PROXIES: '127.0.0.1' })
    await rawGet(port, '/proxy/x', [`${name}: evil`])
    expect(toldNames()).not.toContain(name.toLowerCase())
  })

  test.each(['X_Forwarded_Host', 'X_Original_URL', 'x-forwarded_for', 'X_Api_Key'])(
    '%s neither: an underscore is a hyphen to some',
    async name => {
      const { port } = await start({ TRUSTED_PROXIES: '127.0.0.1' })
      await rawGet(port, '/proxy/x', [`${name}: evil`])
      expect(toldNames().filter(told => told.includes('_'))).toEqual([])
    },
  )

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    '%s makes another method of a POST alone',
    async name => {
      const gateway = await start({ CACHE: 'memory' })
      upstream.answer = (request, response) =>
        response.end(`${request.method} as ${request.headers[name.toLowerCase()]}`)
      const ask = async (method: string, headers: Record<string, string>) =>
        (await fetch(`${gateway.url}/proxy/x`, { method, headers })).text()
      expect(await ask('GET', { [name]: 'DELETE' })).toBe('GET as undefined')
      expect(await ask('GET', {})).toBe('GET as undefined')
      expect(await ask('PUT', { [name]: 'POST' })).toBe('PUT as undefined')
      expect(await ask('POST', { [name]: 'PATCH' })).toBe('POST as PATCH')
    },
  )

  test.each(['X-Real-IP', 'True-Client-IP', 'X-Client-IP', 'CF-Connecting-IP'])(
    '%s is believed of a trusted proxy alone',
    async name => {
      for (const [trusted, told] of [
        ['', undefined],
        ['127.0.0.1', '6.6.6.6'],
      ] as const) {
        const { port } = await start({ TRUSTED_PROXIES: trusted })
        await rawGet(port, '/proxy/x', [`${name}: 6.6.6.6`])
        expect(received(name.toLowerCase())).toBe(told)
      }
    },
  )
})

describe('what a trusted proxy tells of the place', () => {
  const trusting = (settings: Record<string, string> = {}) =>
    start({ CACHE: 'memory', CACHE_FRESH_MS: '60000', TRUSTED_PROXIES: '127.0.0.1', ...settings })

  test.each([
    ['victim.test/foo', 'https'],
    ['victim.test, evil.test', 'https://evil.test/x'],
    ['evil.test?', 'javascript'],
    ['', ''],
  ])('is passed on only where it is a host, and http or https: not %j, %j', async (host, proto) => {
    const { port } = await trusting()
    await rawGet(port, '/proxy/x', [`X-Forwarded-Host: ${host}`, `X-Forwarded-Proto: ${proto}`])
    expect(received('x-forwarded-host')).toBe('gateway.test')
    expect(received('x-forwarded-proto')).toBe(proto === 'https' ? 'https' : 'http')
  })

  test('makes no two paths one', async () => {
    const { port } = await trusting()
    upstream.answer = (request, response) => response.end(`at ${request.url}`)
    await rawGet(port, '/proxy/bar', ['X-Forwarded-Host: victim.test/foo'])
    expect((await rawGet(port, '/proxy/foo/bar', ['X-Forwarded-Host: victim.test'])).text).toMatch(/at \/foo/)
  })

  test.each([
    ...[
      'X-Forwarded-Prefix: /evil',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Ssl: on',
      'X-Forwarded-Proto: https',
    ],
    ...['Forwarded: for=1.1.1.1;host=evil.test', 'Forwarded: for=1.1.1.1, proto="https";by=_x'],
  ])('is another place to the cache: %s', async claim => {
    const { port } = await trusting()
    upstream.answer = (request, response) => response.end(JSON.stringify(request.headers))
    const evil = await rawGet(port, '/proxy/x', [claim])
    const plain = await rawGet(port, '/proxy/x')
    expect([evil.text, plain.text].map(text => /evil|"1"|"on"|https/.test(text))).toEqual([true, false])
    expect((await rawGet(port, '/proxy/x', [claim])).text).toMatch(/^Cache-Status: leeward; hit/im)
    expect(upstream.requests.length).toBe(2)
  })

  test('is the same for every client that it asks for', async () => {
    const { port } = await trusting({ FORWARDED: 'on' })
    for (const client of ['192.0.2.1', '192.0.2.2'])
      await rawGet(port, '/proxy/x', [`Forwarded: for=${client};host=shop.test`, `X-Real-IP: ${client}`])
    expect(upstream.requests.length).toBe(1)
  })

  test('is one place however it is written: case, and a port that goes without saying', async () => {
    const { port } = await trusting()
    for (const host of ['shop.test', 'SHOP.test', 'shop.test:80', 'Shop.Test:'])
      await rawGet(port, '/proxy/x', [`X-Forwarded-Host: ${host}`])
    expect(upstream.requests.length).toBe(1)
    await rawGet(port, '/proxy/x', ['X-Forwarded-Host: shop.test:443'])
    expect(upstream.requests.length).toBe(2)
  })

  test('is purged by its path', async () => {
    const gateway = await trusting({ ADMIN_TOKEN: TOKEN })
    const ask = () => rawGet(gateway.port, '/proxy/x', ['X-Forwarded-Prefix: /shop/one', 'Forwarded: host=a'])
    await ask()
    await adminOf(gateway.adminUrl).post('/-/cache/purge', { path: '/x' })
    await ask()
    expect(upstream.requests.length).toBe(2)
  })
})

describe('a Host that a client made up', () => {
  const ask = ({ port }: TestGateway, host: string) => raw.rawGet(port, '/proxy/x', [], host)

  test('reaches nobody else through the cache, though the upstream puts it into its answer', async () => {
    const gateway = await start({ CACHE: 'memory', CACHE_FRESH_MS: '60000' })
    upstream.answer = (request, response) =>
      response.end(`http://${request.headers['x-forwarded-host']}/next`)
    for (const host of ['evil.test', 'gateway.test', 'evil.test', 'gateway.test'])
      expect((await ask(gateway, host)).text).toMatch(new RegExp(`http://${host}/next$`))
    expect(upstream.requests.length).toBe(2)
  })

  test('nor by way of a call that is shared', async () => {
    const gateway = await start()
    const held: (() => void)[] = []
    upstream.answer = (request, response) =>
      void held.push(() => response.end(`http://${request.headers['x-forwarded-host']}/next`))
    const answers = ['evil.test', 'gateway.test', 'gateway.test'].map(host => ask(gateway, host))
    await eventually(() => expect(held.length).toBe(2))
    for (const answer of held) answer()
    expect((await Promise.all(answers)).map(({ text }) => /http:.*/.exec(text)?.[0])).toEqual([
      ...['http://evil.test/next', 'http://gateway.test/next', 'http://gateway.test/next'],
    ])
  })
})

describe('Forwarded, when asked for', () => {
  test('tells what X-Forwarded-* tell', async () => {
    const { port } = await start({ FORWARDED: 'on' })
    await rawGet(port, '/proxy/x', ['Forwarded: for=6.6.6.6'])
    expect(received('forwarded')).toBe('for=127.0.0.1;host="gateway.test";proto=http')
  })

  test('adds to what a trusted proxy told', async () => {
    const { port } = await start({ FORWARDED: 'on', TRUSTED_PROXIES: '127.0.0.1' })
    await rawGet(port, '/proxy/x', ['Forwarded: for="[2001:db8::1]";proto=https'])
    expect(received('forwarded')).toBe(
      'for="[2001:db8::1]";proto=https, for=127.0.0.1;host="gateway.test";proto=http',
    )
  })

  test('writes an IPv6 client in brackets and quotes', async () => {
    const gateway = await start({ FORWARDED: 'on', HOST: '::1' })
    await fetch(`http://[::1]:${gateway.port}/proxy/x`)
    expect(received('forwarded')).toBe(`for="[::1]";host="[::1]:${gateway.port}";proto=http`)
    expect(received('x-forwarded-for')).toBe('::1')
  })
})

describe('the client that the rate limiter counts', () => {
  const settings = { RATE_LIMIT_MAX: '1', RATE_LIMIT_WINDOW_MS: '60000' }
  const statusesOf = async ({ port }: TestGateway, clients: string[]) => {
    const statuses: number[] = []
    for (const client of clients)
      statuses.push((await rawGet(port, '/proxy/x', [`X-Forwarded-For: ${client}`])).status)
    return statuses
  }

  test('three clients behind a trusted proxy have a limit each', async () => {
    const gateway = await start({ ...settings, TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' })
    const clients = ['192.0.2.1', '192.0.2.2', '192.0.2.3, 10.0.0.1', '192.0.2.1', '192.0.2.3']
    expect(await statusesOf(gateway, clients)).toEqual([200, 200, 200, 429, 429])
  })

  test('what a client wrote itself, left of the first stranger, changes nothing', async () => {
    const gateway = await start({ ...settings, TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' })
    const clients = ['1.1.1.1, 192.0.2.1', '2.2.2.2, 192.0.2.1, 10.0.0.1', '10.0.0.9, 192.0.2.1']
    expect(await statusesOf(gateway, clients)).toEqual([200, 429, 429])
  })

  test('a stranger cannot choose whom it is counted as', async () => {
    expect(await statusesOf(await start(settings), ['192.0.2.1', '192.0.2.2'])).toEqual([200, 429])
  })
})

describe('Max-Forwards', () => {
  test('of an OPTIONS counts down, and at 0 the gateway answers for itself', async () => {
    const { port } = await start()
    const options = async (left: string) => {
      const url = `http://127.0.0.1:${port}/proxy/x`
      return fetch(url, { method: 'OPTIONS', headers: { 'max-forwards': left } })
    }
    expect((await options('2')).status).toBe(200)
    expect(received('max-forwards')).toBe('1')
    const answer = await options('0')
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, expect.stringContaining('GET')])
    expect(upstream.requests.length).toBe(1)
  })

  test('of any other method is none of its business', async () => {
    const { port } = await start()
    await rawGet(port, '/proxy/x', ['Max-Forwards: 0'])
    expect(received('max-forwards')).toBe('0')
  })
})
