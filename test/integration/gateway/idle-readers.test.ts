// Clients that do not take the answers that they asked for.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { type RawUpstream, startRawUpstream } from '../../support/gateway-raw-upstream.ts'
import { dialTcp, type End } from '../../support/tcp.ts'

/** More than the kernel holds for a connection that nobody reads. */
const LONG = 'x'.repeat(24_000_000)

const CACHED = {
  ...{ CACHE_FRESH_MS: '60000', CACHE_MAX_BODY_BYTES: '30000000', RATE_LIMIT_MAX: '1000000' },
  ...PATIENT,
}

let upstream: RawUpstream
let gateway: TestGateway
let client: End
beforeEach(async () => {
  upstream = await startRawUpstream()
  upstream.answer = ({ socket }) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LONG.length}\r\n\r\n${LONG}`)
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, STREAM_IDLE_MS: '200', ...CACHED })
  client = await dialTcp(`127.0.0.1:${gateway.port}`)
})
afterEach(async () => {
  client.socket.destroy()
  await gateway.close()
  await upstream.close()
})

const get = () => `GET /proxy/long HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\n\r\n`

/** Who reads nothing sees a reset only by what it sends: empty lines before a request mean nothing. */
const isReset = () =>
  eventually(() => {
    client.socket.write('\r\n')
    expect(client.ending).toBe('rst')
  })

test('an answer out of the cache that nobody takes is broken off after STREAM_IDLE_MS', async () => {
  expect((await (await fetch(`${gateway.url}/proxy/long`)).text()).length).toBe(LONG.length)
  client.socket.pause().write(get())
  await isReset()
  expect(upstream.ends.length).toBe(1)
  expect((await gateway.counts())['cache.hit']).toBe(1)
})

test('so are refusals that nobody takes', async () => {
  const many = Buffer.from('GET /nothing HTTP/1.1\r\nHost: g.test\r\n\r\n'.repeat(1_000))
  const pump = () => {
    if (client.ending !== undefined) return
    while (client.socket.write(many));
    client.socket.once('drain', pump)
  }
  client.socket.pause()
  pump()
  await isReset()
})

test('an answer that is taken slowly, but taken, arrives whole', async () => {
  // The kernel frees a full send buffer in steps of a third: 1.5 MB here, a fifth of the time that a client has.
  await gateway.close()
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, STREAM_IDLE_MS: '1000', ...CACHED })
  client = await dialTcp(`127.0.0.1:${gateway.port}`)
  const bytesPerMs = 8_000
  let length = 0
  let tookMs = 0
  const startedAt = performance.now()
  client.socket.removeAllListeners('data').on('data', chunk => {
    length += chunk.length
    tookMs = performance.now() - startedAt
    const aheadMs = length / bytesPerMs - tookMs
    if (aheadMs < 1) return
    client.socket.pause()
    setTimeout(() => client.socket.resume(), aheadMs)
  })
  client.socket.write(get())
  await eventually(() => expect([client.ending, length > LONG.length]).toEqual([undefined, true]), 20_000)
  // Longer than a client that takes nothing has, wherever in such a time it began.
  expect(tookMs).toBeGreaterThan(2_000)
  expect(client.ending).toBeUndefined()
})
