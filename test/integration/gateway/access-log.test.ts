import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT } from '../../support/gateway-app.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { rawExchange, rawGet } from '../../support/gateway-raw.ts'
import { bytes, startRawUpstream } from '../../support/gateway-raw-upstream.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { quiet } from '../../support/toxic-lab.ts'

let upstream: TestUpstream
let gateway: GatewayProcess
beforeEach(async () => {
  upstream = await startUpstream(json([]))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string>): Promise<void> {
  gateway = await spawnGateway({ UPSTREAM_URL: upstream.url, SHED_LAG_MS: '0', ...PATIENT, ...settings })
}

const ask = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(`http://127.0.0.1:${gateway.ports.http}${path}`, { headers })
  await answer.arrayBuffer()
  return answer.status
}

const written = () =>
  gateway
    .stdout()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
    .filter(line => line.msg === 'request')

/** The lines of requests, once there are so many. */
const lines = (count: number) =>
  eventually(() => {
    expect(written().length).toBe(count)
    return written()
  })

describe('ACCESS_LOG=all', () => {
  test('writes one line a request, without its query', async () => {
    await start({ ACCESS_LOG: 'all' })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await ask('/proxy/x?token=s3cret', { traceparent })
    await ask('/proxy/x?token=s3cret')
    const [miss, hit] = await lines(2)
    expect(miss).toEqual({
      level: 30,
      time: expect.any(Number),
      pid: gateway.child.pid,
      hostname: expect.any(String),
      msg: 'request',
      method: 'GET',
      route: 'proxy',
      path: '/proxy/x',
      status: 200,
      outcome: 'status-2xx',
      duration_ms: expect.any(Number),
      upstream_calls: 1,
      cache_status: 'leeward; fwd=uri-miss; fwd-status=200; stored',
      client: '127.0.0.1',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    })
    expect(hit).toMatchObject({
      outcome: 'cached',
      upstream_calls: 0,
      cache_status: expect.stringContaining('hit'),
    })
    expect(gateway.stdout()).not.toContain('s3cret')
  })

  test('tells what became of those that were refused, failed, or were not heard to the end', async () => {
    await start({
      ACCESS_LOG: 'all',
      RATE_LIMIT_MAX: '3',
      RATE_LIMIT_WINDOW_MS: '60000',
      RETRY_ATTEMPTS: '2',
    })
    upstream.answer = json({}, {}, 503)
    await ask('/proxy/fails')
    upstream.answer = () => {}
    const client = connect(gateway.ports.http, '127.0.0.1')
    await once(client, 'connect')
    client.write('GET /proxy/waits HTTP/1.1\r\nHost: gateway.test\r\n\r\n')
    await eventually(() => expect(upstream.requests.length).toBe(4))
    client.destroy()
    await lines(2)
    await ask('/nowhere')
    await rawGet(gateway.ports.http, '/proxy/%2e%2e/x')
    upstream.answer = json({})
    await ask('/proxy/last')
    await ask('/proxy/limited')
    const told = (await lines(6)).map(({ route, status, outcome, upstream_calls, level }) => [
      ...[route, status, outcome, upstream_calls, level],
    ])
    expect(told).toEqual([
      ['proxy', 503, 'status-5xx', 3, 40],
      ['proxy', 499, 'client-gone', 1, 30],
      ['unknown', 404, 'not-found', 0, 30],
      ['unknown', 400, 'bad-path', 0, 30],
      ['proxy', 200, 'status-2xx', 1, 30],
      ['proxy', 429, 'rate-limited', 0, 30],
    ])
  })

  test('tells of an expectation that cannot be met as of any other refusal', async () => {
    await start({ ACCESS_LOG: 'all' })
    expect((await rawGet(gateway.ports.http, '/proxy/x', ['Expect: a-miracle'])).status).toBe(417)
    expect((await lines(1))[0]).toMatchObject({
      status: 417,
      outcome: 'expectation-failed',
      path: '/proxy/x',
    })
  })

  test('tells nothing of what is answered outside the chain, and of what is no request: it counts them', async () => {
    await start({ ACCESS_LOG: 'all' })
    for (const path of ['/health', '/health', '/docs', '/openapi.json']) expect(await ask(path)).toBe(200)
    const send = async (bytes: string) => (await rawExchange(gateway.ports.http, bytes)).status
    expect(await send('GARBAGE\r\n\r\n')).toBe(400)
    expect(await send('CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\n\r\n')).toBe(405)
    expect(await send(`GET / HTTP/1.1\r\nHost: a.test\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)).toBe(431)
    const { counts } = (await (await fetch(`http://127.0.0.1:${gateway.ports.admin}/-/stats`)).json()) as {
      counts: object
    }
    expect(counts).toMatchObject({
      'requests.health': 2,
      'requests.docs': 2,
      'requests.bad-request': 1,
      'requests.method-not-allowed': 1,
      'requests.header-too-large': 1,
    })
    await ask('/nowhere')
    expect((await lines(1))[0]).toMatchObject({ outcome: 'not-found' })
  })

  test('tells of a tunnel when it ends, and how long it had lasted', async () => {
    const raw = await startRawUpstream()
    onTestFinished(raw.close)
    raw.answer = bytes(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    )
    await start({ ACCESS_LOG: 'all', UPGRADES: 'websocket', UPSTREAM_URL: raw.url })
    const client = connect(gateway.ports.http, '127.0.0.1')
    client.write(
      [
        'GET /proxy/chat HTTP/1.1\r\nHost: gateway.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ].join(''),
    )
    await once(client, 'data')
    const lastsMs = 100
    await quiet(lastsMs)
    expect(written()).toEqual([])
    client.end()
    const [line] = await lines(1)
    expect(line).toMatchObject({ path: '/proxy/chat', status: 101, outcome: 'status-1xx', upstream_calls: 1 })
    expect(line!.duration_ms).toBeGreaterThanOrEqual(lastsMs)
  })

  test('tells of an answer that broke off what broke it off, and how long it had lasted', async () => {
    await start({ ACCESS_LOG: 'all', GUARDS: 'none' })
    const lastedMs = 100
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
      setTimeout(() => response.destroy(), lastedMs)
    }
    await expect(ask('/proxy/stream')).rejects.toThrow()
    const [line] = await lines(1)
    expect(line).toMatchObject({ level: 40, status: 200, outcome: 'upstream-reset' })
    expect(line!.duration_ms).toBeGreaterThan(lastedMs * 0.9)
  })

  test('counts a stream as a whole one when it ends well', async () => {
    await start({ ACCESS_LOG: 'all', GUARDS: 'none' })
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
      setTimeout(() => response.end(), 50)
    }
    await ask('/proxy/stream')
    expect((await lines(1))[0]).toMatchObject({ level: 30, outcome: 'status-2xx' })
  })

  test('cuts a path that somebody made to fill the log', async () => {
    await start({ ACCESS_LOG: 'all', GUARDS: 'none' })
    await ask(`/proxy/${'x'.repeat(8_000)}`)
    expect(String((await lines(1))[0]!.path).length).toBe(1_024)
  })
})

describe('ACCESS_LOG=1/10', () => {
  test('writes one line for ten requests, and one for every failure', async () => {
    await start({ ACCESS_LOG: '1/10', GUARDS: 'none' })
    for (let count = 0; count < 31; count += 1) await ask(`/proxy/${count}`)
    upstream.answer = json({}, {}, 500)
    for (let count = 0; count < 3; count += 1) await ask('/proxy/fails')
    const outcomes = (await lines(7)).map(({ outcome }) => outcome)
    expect(outcomes).toEqual([...Array(4).fill('status-2xx'), ...Array(3).fill('status-5xx')])
  })

  test('takes refusals for what they are: the guards at work', async () => {
    await start({
      ACCESS_LOG: '1/10',
      GUARDS: 'rate-limit',
      RATE_LIMIT_MAX: '1',
      RATE_LIMIT_WINDOW_MS: '60000',
    })
    for (let count = 0; count < 20; count += 1) await ask('/proxy/x')
    expect((await lines(2)).map(({ status }) => status)).toEqual([200, 429])
  })
})

test('ACCESS_LOG=off writes nothing of requests, whatever becomes of them', async () => {
  await start({ ACCESS_LOG: 'off', GUARDS: 'none' })
  await ask('/proxy/x')
  await upstream.refuse()
  expect(await ask('/proxy/x')).toBe(502)
  gateway.child.kill('SIGTERM')
  await gateway.exited
  expect(gateway.stdout()).toContain('stopped')
  expect(written()).toEqual([])
})
