// Our end of a lease: kept for as long as we live, told when it is lost, and gone with us.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { HeldLease } from '../../../chaos/lease.ts'
import type { Child } from '../../../chaos/supervise.ts'
import { latency } from '../../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import { eventually } from '../../support/eventually.ts'
import { quiet } from '../../support/toxic-lab.ts'
import { apiUrl, SUBJECTS, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

const TIMES = { ttlMs: 1_000, renewEveryMs: 100 }
/** From the death of runner and guardian to the end of their faults. */
const CLEAN_WITHIN_MS = 2_000

const areas = { name: 'areas', listen: '127.0.0.1:0', upstream: '127.0.0.1:9' }
const slow = latency({ latencyMs: 5_000 })

let server: Child
let toxiproxy: Toxiproxy

beforeEach(async () => {
  server = await startEmbeddedProxy()
  toxiproxy = await connectToxiproxy(apiUrl(server))
})
afterEach(() => server.kill())

const leases = async () =>
  (await (await fetch(`${apiUrl(server)}/leases`)).json()) as { id: string; holds: object[] }[]

async function hold(): Promise<HeldLease> {
  const lease = await toxiproxy.holdLease(TIMES)
  onTestFinished(() => lease?.release())
  return lease!
}

describe('a lease that is held', () => {
  test('outlives its time to live, with all that is put in', async () => {
    const lease = await hold()
    await toxiproxy.createProxy(areas)
    await toxiproxy.addToxic('areas', slow)
    await toxiproxy.setEnabled('areas', false)
    await quiet(2.5 * TIMES.ttlMs)
    expect(await toxiproxy.getProxy('areas')).toMatchObject({
      enabled: false,
      toxics: ['latency_downstream'],
    })
    expect(await leases()).toMatchObject([
      { holds: [{ kind: 'proxy' }, { kind: 'toxic' }, { kind: 'enabled' }] },
    ])
    await lease.release()
    expect(await toxiproxy.listProxies()).toEqual([])
  })

  test('holds no switching on, for that takes a fault back', async () => {
    await toxiproxy.createProxy(areas)
    const lease = await hold()
    await toxiproxy.setEnabled('areas', false)
    await toxiproxy.setEnabled('areas', true)
    expect(await leases()).toMatchObject([{ holds: [] }])
    await lease.release()
    expect((await toxiproxy.getProxy('areas')).enabled).toBe(true)
  })

  test('that is released is not lost, and what follows is free of it', async () => {
    const lease = await hold()
    let isLost = false
    lease.lost.then(() => {
      isLost = true
    })
    await lease.release()
    expect(await leases()).toEqual([])
    await toxiproxy.createProxy(areas)
    await quiet(2 * TIMES.ttlMs)
    expect(isLost).toBe(false)
    expect((await toxiproxy.getProxy('areas')).enabled).toBe(true)
  })

  test('that the server has ended is told as lost; nothing more is put in, and faults can be taken back', async () => {
    await toxiproxy.createProxy(areas)
    const lease = await hold()
    const [{ id } = { id: '' }] = await leases()
    await fetch(`${apiUrl(server)}/leases/${id}`, { method: 'DELETE' })
    expect(await lease.lost).toBe('it had ended before it was renewed, each 100 ms')
    await expect(toxiproxy.addToxic('areas', slow)).rejects.toThrow('404: lease not found')
    await toxiproxy.setEnabled('areas', true)
    await lease.release()
  })

  test('that cannot be renewed in its time is told as lost, and releasing it is no error', async () => {
    const before = performance.now()
    const lease = await hold()
    await server.pause()
    expect(await lease.lost).toMatch(/^it could not be renewed for 1000 ms: .* no answer within 100 ms/)
    expect(performance.now() - before).toBeGreaterThanOrEqual(TIMES.ttlMs)
    await lease.release()
  })

  test('on a server that has died is told as lost', async () => {
    const lease = await hold()
    await server.kill()
    expect(await lease.lost).toMatch(/ECONNREFUSED|ECONNRESET/)
    await lease.release()
  })
})

describe('a server without leases', () => {
  test('is used without one', async () => {
    const seen: string[] = []
    const stranger = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['x-lease-id'] ?? ''}`.trim())
      if (request.url === '/proxies') response.end('{}')
      else response.writeHead(404).end('404 page not found\n')
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void stranger.close())
    await once(stranger, 'listening')
    const { port } = stranger.address() as { port: number }
    const control = await connectToxiproxy(`http://127.0.0.1:${port}`)
    expect(await control.holdLease(TIMES)).toBeNull()
    await control.createProxy(areas)
    expect(seen).toEqual(['GET /proxies', 'POST /leases', 'POST /proxies'])
  })

  test.runIf(SUBJECTS.some(({ kind }) => kind === 'real'))('is what the real one is', async () => {
    const real = await SUBJECTS.find(({ kind }) => kind === 'real')!.open()
    const control = await connectToxiproxy(real.url)
    expect(await control.holdLease(TIMES)).toBeNull()
  })
})

test('when a runner and its guardian are killed with SIGKILL, no toxic, no outage and no proxy of theirs is left', async () => {
  await toxiproxy.createProxy(areas)
  const entry = join(import.meta.dirname, '../../support/children/leased-runner.ts')
  const runner = fork(entry, [apiUrl(server), 'areas'], { execArgv: [] })
  onTestFinished(() => void runner.kill('SIGKILL'))
  const [{ guardian }] = (await once(runner, 'message')) as [{ guardian: number }]
  // Longer than the lease would last by itself.
  await quiet(2_500)
  expect(await toxiproxy.getProxy('areas')).toMatchObject({ enabled: false, toxics: ['latency_downstream'] })

  process.kill(guardian, 'SIGKILL')
  runner.kill('SIGKILL')
  const killedAt = performance.now()
  await eventually(async () => {
    expect(await toxiproxy.listProxies()).toMatchObject([{ name: 'areas', enabled: true, toxics: [] }])
  }, 10_000)
  expect(performance.now() - killedAt).toBeLessThan(CLEAN_WITHIN_MS)
})
