import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { BreakerEvent, CountsEvent, HelloEvent } from '../../../src/telemetry/events.ts'
import { eventually } from '../../support/eventually.ts'
import { startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange } from '../../support/gateway-raw.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

const manifest = resolve(import.meta.dirname, '../../../package.json')
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json({}))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

interface Heard {
  hello: HelloEvent[]
  breaker: BreakerEvent[]
  counts: CountsEvent[]
}

/** Listens to the event stream until told to stop. */
async function listen(adminUrl: string) {
  const heard: Heard = { hello: [], breaker: [], counts: [] }
  const stop = new AbortController()
  const answer = await fetch(`${adminUrl}/-/events`, { signal: stop.signal })
  const read = async () => {
    let text = ''
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
        heard[name as keyof Heard].push(JSON.parse(data ?? ''))
      }
    }
  }
  const reading = read().catch(() => {})
  const close = async () => {
    stop.abort()
    await reading
  }
  return { heard, type: answer.headers.get('content-type'), close }
}

describe('the event stream', () => {
  test('says hello, tells transitions at once and counts every 250 ms', async () => {
    gateway = await startGateway({
      UPSTREAM_URL: upstream.url,
      GUARDS: 'cache,breaker',
      BREAKER_LEAST_CALLS: '3',
      BREAKER_RESET_MS: '400',
    })
    const stream = await listen(gateway.adminUrl)
    expect(stream.type).toBe('text/event-stream')
    upstream.answer = json({}, {}, 500)
    for (let count = 0; count < 5; count += 1) await fetch(`${gateway.url}/proxy/${count}`)
    upstream.answer = json({})
    await eventually(async () => expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200))
    await eventually(() => expect(stream.heard.breaker.length).toBe(3))
    const { heard } = stream
    expect(heard.hello).toEqual([
      {
        at: expect.any(Number),
        pid: process.pid,
        version,
        guards: ['cache', 'breaker'],
        cache: 'memory',
        upstream: upstream.url,
        deadlineMs: 400,
        freshMs: 2000,
        staleIfErrorMs: 60000,
        staleWhileRevalidateMs: 0,
        breakerState: 'closed',
      },
    ])
    expect(heard.breaker.map(({ from, to }) => `${from} → ${to}`)).toEqual([
      ...['closed → open', 'open → half-open', 'half-open → closed'],
    ])
    for (const event of heard.breaker) {
      expect(event).toEqual({
        at: expect.any(Number),
        from: expect.any(String),
        to: expect.any(String),
        upstream: upstream.url,
        eventLoopLagMs: expect.any(Number),
      })
      expect(Math.abs(event.at - Date.now())).toBeLessThan(15_000)
    }
    const known = heard.counts.length
    await eventually(() => expect(heard.counts.length).toBeGreaterThan(known + 1))
    const last = heard.counts.at(-1)!
    expect(last.counts).toMatchObject({ 'breaker.probed': 1, 'upstream.status-5xx': 3, 'cache.stored': 1 })
    expect(last).toMatchObject({ upstreamInFlight: 0, upstreamCalls: 4 })
    expect(last.requests).toBeGreaterThanOrEqual(6)
    expect(last.rssMb).toBeGreaterThan(10)
    expect(last.heapMb).toBeGreaterThan(1)
    await stream.close()
  })
})

describe('readers of the event stream', () => {
  test('each get their own maxima', async () => {
    const held: (() => void)[] = []
    upstream.answer = (request, response) => void held.push(() => json({})(request, response))
    gateway = await startGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none' })
    const streams = [await listen(gateway.adminUrl), await listen(gateway.adminUrl)]
    const calls = [1, 2, 3].map(id => fetch(`${gateway.url}/proxy/${id}`))
    await eventually(() => expect(held.length).toBe(3))
    for (const release of held) release()
    await Promise.all(calls)
    for (const { heard } of streams) {
      await eventually(() =>
        expect(Math.max(...heard.counts.map(event => event.upstreamInFlightMax))).toBe(3),
      )
    }
    await Promise.all(streams.map(({ close }) => close()))
  })

  test('who read nothing are dropped before they fill the memory', async () => {
    gateway = await startGateway({ UPSTREAM_URL: upstream.url, ADMIN_TOKEN: 's3cret-token' })
    const headers = { authorization: 'Bearer s3cret-token', 'content-type': 'application/json' }
    const { port } = new URL(gateway.adminUrl)
    const reader = connect(Number(port), '127.0.0.1').on('error', () => {})
    onTestFinished(() => void reader.destroy())
    reader.write(
      `GET /-/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${headers.authorization}\r\n\r\n`,
    )
    reader.pause()
    const event = JSON.stringify({ path: `/${'x'.repeat(60_000)}` })
    const sent = 300
    for (let count = 0; count < sent; count += 1)
      await fetch(`${gateway.adminUrl}/-/cache/purge`, { method: 'POST', headers, body: event })
    let readBytes = 0
    reader.on('data', chunk => {
      readBytes += chunk.length
    })
    reader.resume()
    await eventually(() => expect(reader.destroyed).toBe(true))
    // What it gets is what the kernel held.
    expect(readBytes).toBeLessThan((sent * event.length) / 2)
  })

  test('who stay do not keep the gateway from ending', async () => {
    gateway = await startGateway({ UPSTREAM_URL: upstream.url })
    const stream = await listen(gateway.adminUrl)
    await gateway.close()
    await stream.close()
  })
})

describe('the admin port', () => {
  test('shows settings without secrets, and metrics', async () => {
    gateway = await startGateway({ UPSTREAM_URL: upstream.url, ADMIN_TOKEN: 's3cret-token' })
    const headers = { authorization: 'Bearer s3cret-token' }
    const settings = await (await fetch(`${gateway.adminUrl}/-/config`, { headers })).text()
    expect(JSON.parse(settings)).toMatchObject({ deadlineMs: 400, hasAdminToken: true })
    expect(settings).not.toContain('s3cret-token')
    await fetch(`${gateway.url}/proxy/x`)
    const metrics = await fetch(`${gateway.adminUrl}/metrics`, { headers })
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4')
    const text = await metrics.text()
    expect(text).toContain('# TYPE leeward_events_total counter')
    expect(text).toContain('leeward_events_total{source="cache",what="stored"} 1')
    expect(text).toContain('leeward_breaker_state{state="closed"} 1')
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^$|^# |^\w+(\{[^}]*\})? (\d+(\.\d+)?(e-\d+)?|Nan)$/)
  })

  test('shows where the collector is, and not how to get in there', async () => {
    gateway = await startGateway({
      UPSTREAM_URL: upstream.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:pa55@127.0.0.1:9/otlp?key=s3cret',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'none',
    })
    const settings = await (await fetch(`${gateway.adminUrl}/-/config`)).text()
    expect(JSON.parse(settings)).toMatchObject({ otelEndpoint: 'http://127.0.0.1:9/otlp' })
    expect(settings).not.toMatch(/pa55|s3cret/)
  })

  test.each([undefined, 'Bearer wrong', 'Basic s3cret-token', 'Bearer '])(
    'with a token set, %s gets 401 everywhere',
    async authorization => {
      gateway = await startGateway({ UPSTREAM_URL: upstream.url, ADMIN_TOKEN: 's3cret-token' })
      for (const path of ['/-/ready', '/-/stats', '/-/events', '/-/config', '/metrics', '/nowhere']) {
        const answer = await fetch(gateway.adminUrl + path, {
          headers: authorization ? { authorization } : {},
        })
        expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      }
    },
  )

  test('a web page cannot reach it under a host name of its own', async () => {
    gateway = await startGateway({ UPSTREAM_URL: upstream.url, ADMIN_ALLOWED_HOSTS: 'gateway, admin.test' })
    const port = Number(new URL(gateway.adminUrl).port)
    const asHost = async (host: string) => {
      const request = `GET /-/ready HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
      return (await rawExchange(port, request)).status
    }
    expect(await asHost('evil.test')).toBe(403)
    expect(await asHost('127.0.0.1.evil.test')).toBe(403)
    expect(await asHost('')).toBe(403)
    const badPath = (host: string) =>
      rawExchange(port, `GET /%zz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect((await badPath('evil.test')).text).toContain('"code":"host-not-allowed"')
    expect((await badPath('localhost')).text).toContain('"code":"bad-path"')
    for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]:9', 'gateway:3001', 'ADMIN.test']) {
      expect(await asHost(host)).toBe(200)
    }
  })
})
