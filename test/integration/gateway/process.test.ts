import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type GatewayProcess, runGateway, spawnGateway } from '../../support/gateway-process.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

/** What starting or stopping a process may take on a busy machine. */
const PROCESS_MS = 10_000

describe('a gateway that cannot start', () => {
  test('names every wrong setting at once, one a line, and ends with 1', async () => {
    const run = runGateway({ PORT: '70000', CACHE: 'disk', GUARDS: 'breaker,bulk-head', DEADLNE_MS: '5' })
    expect(await run.exited).toBe(1)
    const lines = run.stderr().trimEnd().split('\n')
    expect(lines).toEqual([
      'leeward: PORT is "70000"; accepted: a whole number from 0 to 65535',
      expect.stringMatching(
        /^leeward: GUARDS is "breaker,bulk-head"; accepted: all, none, or some of rate-limit,/,
      ),
      'leeward: CACHE is "disk"; accepted: off, memory, redis, tiered',
      'leeward: DEADLNE_MS is not a setting; did you mean DEADLINE_MS?',
    ])
    expect(run.stdout()).toBe('')
  })

  test.each(['PORT', 'ADMIN_PORT'])('says in one line that %s is in use, and ends with 1', async setting => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const run = runGateway({ PORT: '0', ADMIN_PORT: '0', [setting]: String(port) })
    expect(await run.exited).toBe(1)
    expect(run.stderr()).toBe(`leeward: port ${port} on 127.0.0.1 is in use; set ${setting} to a free one\n`)
    taken.close()
  })

  test('says in one line that an address is not its own', async () => {
    const run = runGateway({ HOST: '203.0.113.1', PORT: '0', ADMIN_PORT: '0' })
    expect(await run.exited).toBe(1)
    expect(run.stderr()).toMatch(/^leeward: cannot listen on 203\.0\.113\.1:0 \(EADDRNOTAVAIL\).*\n$/)
  })
})

describe('a running gateway', () => {
  let upstream: TestUpstream
  let gateway: GatewayProcess
  let held: (() => void)[]
  beforeEach(async () => {
    held = []
    upstream = await startUpstream((request, response) => void held.push(() => json({})(request, response)))
    gateway = await spawnGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none', DRAIN_MS: '5000' })
  })
  afterEach(async () => {
    await gateway.close()
    await upstream.close()
  })

  const url = (path: string) => `http://127.0.0.1:${gateway.ports.http}${path}`
  const readiness = () => fetch(`http://127.0.0.1:${gateway.ports.admin}/-/ready`)

  test('finishes what is under way on SIGTERM, takes nothing new, and ends with 0', async () => {
    expect((await readiness()).status).toBe(200)
    const underWay = httpRequest(url('/proxy/slow')).end()
    const answered = once(underWay, 'response')
    await eventually(() => expect(held.length).toBe(1))
    gateway.child.kill('SIGTERM')
    await eventually(async () => expect((await readiness()).status).toBe(503))
    await eventually(() => expect(fetch(url('/health'))).rejects.toThrow())
    held[0]?.()
    const [answer] = (await answered) as [IncomingMessage]
    expect([answer.statusCode, answer.headers.connection]).toEqual([200, 'close'])
    answer.resume()
    expect(await gateway.exited).toBe(0)
  })

  test('ends what does not finish within DRAIN_MS', async () => {
    await gateway.close()
    gateway = await spawnGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none', DRAIN_MS: '200' })
    const underWay = httpRequest(url('/proxy/slow')).end()
    const failed = once(underWay, 'error')
    await eventually(() => expect(held.length).toBe(1))
    const before = performance.now()
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - before).toBeLessThan(PROCESS_MS)
    await failed
  })

  test('logs its start, its drain and its end, and no request', async () => {
    await fetch(url('/health'))
    gateway.child.kill('SIGINT')
    expect(await gateway.exited).toBe(0)
    const lines = gateway.stdout().trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line).msg)).toEqual([
      expect.stringMatching(/^listening on http:\/\/127\.0\.0\.1:\d+, admin on http:\/\/127\.0\.0\.1:\d+$/),
      'draining',
      'stopped',
    ])
  })

  test('ends itself when its parent is gone', async () => {
    gateway.child.disconnect()
    expect(await gateway.exited).toBe(0)
  })

  test('ends itself when its parent is gone and nobody reads its log any more', async () => {
    gateway.child.stdout?.destroy()
    gateway.child.disconnect()
    expect(await gateway.exited).toBe(0)
  })

  test('drains as ever when nobody reads its log any more', async () => {
    gateway.child.stdout?.destroy()
    const underWay = httpRequest(url('/proxy/slow')).end()
    const answered = once(underWay, 'response')
    await eventually(() => expect(held.length).toBe(1))
    gateway.child.kill('SIGTERM')
    await eventually(async () => expect((await readiness()).status).toBe(503))
    held[0]?.()
    const [answer] = (await answered) as [IncomingMessage]
    expect(answer.statusCode).toBe(200)
    answer.resume()
    expect(await gateway.exited).toBe(0)
  })

  test('ends although somebody never finishes a request to the admin port', async () => {
    await gateway.close()
    gateway = await spawnGateway({ UPSTREAM_URL: upstream.url, GUARDS: 'none', DRAIN_MS: '200' })
    const slow = connect(gateway.ports.admin, '127.0.0.1').on('error', () => {})
    await once(slow, 'connect')
    slow.write('GET /-/stats HTTP/1.1\r\n')
    expect((await readiness()).status).toBe(200)
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    slow.destroy()
  })
})
