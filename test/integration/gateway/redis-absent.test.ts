import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { hasRedisServer } from '../../support/gateway-redis.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
let deaf: Server
const sockets: Socket[] = []
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
  deaf = createServer(socket => void sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(deaf, 'listening')
})
afterEach(async () => {
  await gateway.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  deaf.close()
  await upstream.close()
})

/** What a request may take while Redis is away: two questions of 50 ms, and a busy machine. */
const MOST_MS = 1_000

describe.each(['nothing listens', 'something accepts and never answers'])(
  'where Redis should be %s',
  state => {
    test('no request fails or waits, and the local limiter counts', async () => {
      const { port } = deaf.address() as { port: number }
      if (state === 'nothing listens') deaf.close()
      gateway = await startGateway({
        UPSTREAM_URL: upstream.url,
        REDIS_URL: `redis://127.0.0.1:${port}`,
        CACHE: 'redis',
        RATE_LIMIT_MAX: '5',
        RATE_LIMIT_WINDOW_MS: '600000',
      })
      const statuses: number[] = []
      for (let count = 0; count < 8; count += 1) {
        const before = performance.now()
        statuses.push((await fetch(`${gateway.url}/proxy/x`)).status)
        expect(performance.now() - before).toBeLessThan(MOST_MS)
      }
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429])
    })
  },
)

// Without a redis-server the tests of a living one are skipped, on a laptop. A build has to have one.
test.runIf(process.env.CI)('a build has the redis-server that redis.test.ts is about', () => {
  expect(hasRedisServer).toBe(true)
})
