// The mistakes that gateways built on undici and Fastify are known for, each by its name.
import { readdirSync, readFileSync } from 'node:fs'
import { request as httpRequest, type ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { spawnGateway } from '../../support/gateway-process.ts'
import { rawGet } from '../../support/gateway-raw.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
const gateways: TestGateway[] = []
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await Promise.all(gateways.splice(0).map(gateway => gateway.close()))
  await upstream.close()
})

/** Far from every limit that a test is about. */
const FAR = { UPSTREAM_BACKSTOP_MS: '600000', UPSTREAM_CONNECT_MS: '600000', RATE_LIMIT_MAX: '100000' }

async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({ UPSTREAM_URL: upstream.url, CACHE: 'off', ...FAR, ...settings })
  gateways.push(gateway)
  return gateway
}

/** What a busy machine may add to a limit; undici's own fire half a second late and more. */
const TOLERANCE_MS = 250

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write('.'), 20)
  response.on('close', () => clearInterval(timer))
}

describe('a drip-fed body ends at our own limit, undici’s coarse timers are not leaned on', () => {
  test('where it streams', async () => {
    const { url } = await start({ ...PATIENT, STREAM_IDLE_MS: '300', STREAM_LEAST_BYTES: '100' })
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      drip(response)
    }
    const answer = await fetch(`${url}/proxy/x`)
    const startedAt = performance.now()
    await expect(answer.text()).rejects.toThrow()
    // The first such time has begun before the client read anything, and is not judged.
    expect(performance.now() - startedAt).toBeLessThan(2 * 300 + TOLERANCE_MS)
  })

  test('where it is buffered', async () => {
    const { url } = await start({ ATTEMPT_LIMIT_MS: '300', RETRY_ATTEMPTS: '0' })
    upstream.answer = (_request, response) => {
      response.writeHead(200)
      drip(response)
    }
    const startedAt = performance.now()
    expect((await fetch(`${url}/proxy/x`)).status).toBe(504)
    expect(performance.now() - startedAt).toBeLessThan(300 + TOLERANCE_MS)
  })
})

test.each([50, 100, 250, 500])('a limit of %i ms fires then, not half a second later', async limitMs => {
  const { url } = await start({ ...PATIENT, ATTEMPT_LIMIT_MS: String(limitMs), RETRY_ATTEMPTS: '0' })
  upstream.answer = silence
  const startedAt = performance.now()
  expect((await fetch(`${url}/proxy/x`)).status).toBe(504)
  // Two clocks, each rounded.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(limitMs - 1)
  expect(performance.now() - startedAt).toBeLessThan(limitMs + TOLERANCE_MS)
})

describe('the process stays up', () => {
  test.each(['all', 'none'])(
    'rapid requests to a refused upstream leave the process up, with GUARDS=%s',
    async guards => {
      await upstream.refuse()
      const gateway = await spawnGateway({ UPSTREAM_URL: upstream.url, GUARDS: guards, ...FAR })
      const url = `http://127.0.0.1:${gateway.ports.http}`
      for (let round = 0; round < 5; round += 1) {
        const answers = await Promise.all(Array.from({ length: 100 }, (_, id) => fetch(`${url}/proxy/${id}`)))
        expect(answers.filter(({ status }) => status !== 502 && status !== 503)).toEqual([])
      }
      expect((await fetch(`${url}/health`)).status).toBe(200)
      expect(gateway.child.exitCode).toBeNull()
      await gateway.close()
    },
  )

  test('a body timeout leaves the process up, and its client sees a reset', async () => {
    const gateway = await spawnGateway({
      UPSTREAM_URL: upstream.url,
      GUARDS: 'none',
      UPSTREAM_BACKSTOP_MS: '1000',
    })
    const url = `http://127.0.0.1:${gateway.ports.http}`
    upstream.answer = (_request, response) => void response.writeHead(200).write('begun')
    await expect((await fetch(`${url}/proxy/x`)).text()).rejects.toThrow()
    expect((await fetch(`${url}/health`)).status).toBe(200)
    await gateway.close()
  })
})

describe('one GET never becomes many upstream calls on a 503', () => {
  test.each([
    ['by default one retry', {}, {}, 2],
    ['none where none is allowed', { RETRY_ATTEMPTS: '0' }, {}, 1],
    [
      'none where the upstream asks to be left alone for a minute, which is past the deadline and no millisecond',
      {},
      { 'retry-after': '60' },
      1,
    ],
    ['none without guards', { GUARDS: 'none' }, {}, 1],
  ])('%s', async (_what, settings, headers: Record<string, string>, calls) => {
    const { url } = await start({ ...PATIENT, ...settings })
    upstream.answer = json({}, headers, 503)
    const answer = await fetch(`${url}/proxy/x`)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, headers['retry-after'] ?? null])
    expect(upstream.requests.length).toBe(calls)
  })
})

describe('a client that leaves ends the upstream call', () => {
  test.each([
    ['before the answer', silence],
    [
      'within the answer',
      (_request: unknown, response: ServerResponse) => void response.writeHead(200).write('x'),
    ],
  ])('%s', async (_what, answer) => {
    const { url } = await start({ ...PATIENT, GUARDS: 'none' })
    let ended = false
    upstream.answer = (request, response) => {
      response.on('close', () => {
        ended = true
      })
      answer(request, response)
    }
    const client = httpRequest(`${url}/proxy/x`).on('error', () => {})
    client.end()
    await eventually(() => expect(upstream.requests.length).toBe(1))
    client.destroy()
    await eventually(() => expect(ended).toBe(true))
  })

  test('and no other: the calls beside it go on', async () => {
    const { url } = await start({ ...PATIENT })
    const held: (() => void)[] = []
    upstream.answer = (_request, response) => void held.push(() => response.end('done'))
    const staying = Array.from({ length: 5 }, (_, id) => fetch(`${url}/proxy/${id}`))
    const leaving = httpRequest(`${url}/proxy/leaving`).on('error', () => {})
    leaving.end()
    await eventually(() => expect(held.length).toBe(6))
    leaving.destroy()
    for (const answer of held) answer()
    expect(await Promise.all(staying.map(async answer => (await answer).text()))).toEqual(
      Array(5).fill('done'),
    )
  })
})

describe('hop-by-hop fields leak neither way', () => {
  const hops = [
    'Keep-Alive: timeout=77',
    'Proxy-Authorization: Basic Zm9v',
    'Proxy-Connection: keep-alive',
    'TE: gzip',
  ]

  test('from the client', async () => {
    const { port } = await start(PATIENT)
    await rawGet(port, '/proxy/x', ['Connection: X-Hop', 'X-Hop: 1', 'Upgrade: h2c', 'Trailer: X-T', ...hops])
    const names = Object.keys(upstream.requests[0]!.headers)
    for (const name of [
      'keep-alive',
      'proxy-authorization',
      'proxy-connection',
      'te',
      'x-hop',
      'upgrade',
      'trailer',
    ])
      expect(names).not.toContain(name)
  })

  test('from the upstream', async () => {
    const { port } = await start(PATIENT)
    upstream.answer = (_request, response) => {
      response.writeHead(200, [
        ...['Connection', 'X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=77', 'Proxy-Authenticate', 'Basic'],
        ...[
          'Proxy-Authentication-Info',
          'a=b',
          'Upgrade',
          'h2c',
          'Trailer',
          'X-T',
          'Proxy-Connection',
          'close',
        ],
      ])
      response.end('ok')
    }
    const { text } = await rawGet(port, '/proxy/x')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(text).not.toMatch(/x-hop|timeout=77|proxy-|upgrade|trailer/i)
  })
})

test.each(['Keep-Alive: timeout=5', 'Expect: 100-continue', 'Upgrade: h2c', 'TE: trailers'])(
  'a client’s %s is no 500',
  async field => {
    const { port } = await start(PATIENT)
    expect((await rawGet(port, '/proxy/x', [field])).text).toMatch(/HTTP\/1\.1 200 OK/)
  },
)

test('a client’s Connection: close ends no connection to the upstream', async () => {
  const { port } = await start(PATIENT)
  for (let count = 0; count < 5; count += 1) expect((await rawGet(port, `/proxy/${count}`)).status).toBe(200)
  expect(new Set(upstream.requests.map(({ socket }) => socket)).size).toBe(1)
  expect(upstream.requests.every(({ headers }) => headers.connection === 'keep-alive')).toBe(true)
})

test('an idle connection is used again without a pause', async () => {
  const { url } = await start(PATIENT)
  const waits: number[] = []
  for (let count = 0; count < 20; count += 1) {
    const startedAt = performance.now()
    await (await fetch(`${url}/proxy/${count}`)).text()
    waits.push(performance.now() - startedAt)
  }
  // undici 8.8 and 8.9 stood still for 500 ms before each.
  expect(waits.filter(wait => wait > TOLERANCE_MS)).toEqual([])
  expect(new Set(upstream.requests.map(({ socket }) => socket)).size).toBe(1)
})

test.each(['/proxy/../admin', '/proxy/%2e%2e/admin', '/proxy/..%2fadmin', '/proxy/..;/admin'])(
  '%s is not resolved, as http-proxy-3 and fast-gateway resolve it',
  async target => {
    const { port } = await start(PATIENT)
    expect((await rawGet(port, target)).status).toBe(400)
    expect(upstream.requests.length).toBe(0)
  },
)

test('a JSON body is passed on as it is, not read and written anew', async () => {
  const { url } = await start(PATIENT)
  upstream.answer = (request, response) => void request.pipe(response)
  const headers = { 'content-type': 'application/json' }
  for (const body of ['{"a": 1.0,  "a": 2}', '{"big": 12345678901234567890}', '{"broken":']) {
    expect(await (await fetch(`${url}/proxy/x`, { method: 'POST', headers, body })).text()).toBe(body)
  }
})

test('nothing waits on a timer that fake clocks do not drive', () => {
  const root = resolve(import.meta.dirname, '../../..')
  const files = ['src', 'chaos'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => join(root, folder, name)),
  )
  expect(files.length).toBeGreaterThan(50)
  const waiting = /AbortSignal\.(timeout|any)|node:timers\/promises/
  expect(files.filter(file => waiting.test(readFileSync(file, 'utf8')))).toEqual([])
})
