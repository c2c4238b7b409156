// The sample service as a process, over real sockets.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { percentiles } from '../../../scenarios/engine/measure/statistics.ts'
import { type EntryProcess, startEntry } from '../../support/entry-process.ts'
import { eventually } from '../../support/eventually.ts'

const ENTRY = 'scenarios/engine/origin/main.ts'
const NEW_AREA = {
  name: 'Tell the team about a push',
  action: { service: 'github', event: 'push' },
  reaction: { service: 'slack', task: 'post-message' },
}

let origin: EntryProcess
afterEach(() => origin.close())

async function start(env: Record<string, string> = {}) {
  origin = await startEntry(ENTRY, { env: { PORT: '0', MEDIAN_MS: '1', ...env } })
}

function ask(path: string, init?: RequestInit): Promise<Response> {
  return fetch(`http://127.0.0.1:${origin.ports.http}${path}`, init)
}

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  return ask('/areas', { ...init, headers: { 'content-type': 'application/json', ...headers } })
}

async function stats(): Promise<Record<string, unknown>> {
  return (await ask('/stats')).json() as Promise<Record<string, unknown>>
}

describe('the sample service', () => {
  test('lists areas by page and gives each by its id', async () => {
    await start()
    const first = (await (await ask('/areas')).json()) as { id: number }[]
    const second = (await (await ask('/areas?page=2&limit=10')).json()) as { id: number }[]
    expect(first.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(second[0]!.id).toBe(11)
    expect(await (await ask('/areas/7')).json()).toEqual(first[6])
    expect(first[6]).toEqual({
      id: 7,
      name: expect.any(String),
      action: { service: expect.any(String), event: expect.any(String) },
      reaction: { service: expect.any(String), task: expect.any(String) },
      enabled: expect.any(Boolean),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    })
  })

  test('makes an area, and gives it back', async () => {
    await start()
    const answer = await post(NEW_AREA)
    expect(answer.status).toBe(201)
    expect(answer.headers.get('location')).toBe('/areas/201')
    expect(await (await ask('/areas/201')).json()).toMatchObject({ id: 201, enabled: true, ...NEW_AREA })
  })

  test('says in JSON what is wrong with a request', async () => {
    await start()
    const refused = async (answer: Promise<Response>) => {
      const { status } = await answer
      return [status, ((await (await answer).json()) as { error: string }).error]
    }
    expect(await refused(ask('/areas/201'))).toEqual([404, 'no area "201"'])
    expect(await refused(ask('/areas/seven'))).toEqual([404, 'no area "seven"'])
    expect(await refused(ask('/areas?page=0'))).toEqual([400, expect.stringContaining('page: ')])
    expect(await refused(ask('/areas?pages=1'))).toEqual([400, expect.stringContaining('pages')])
    expect(await refused(post({ ...NEW_AREA, name: '' }))).toEqual([400, expect.stringContaining('name: ')])
    expect(await refused(ask('/other'))).toEqual([404, 'nothing at GET /other'])
    const broken = { method: 'POST', body: '{"name":', headers: { 'content-type': 'application/json' } }
    expect((await refused(ask('/areas', broken)))[0]).toBe(400)
  })

  test('stamps every body with checksum, version and key', async () => {
    await start()
    for (const path of ['/areas/17', '/areas?page=3', '/areas/999', '/health']) {
      const before = Date.now()
      const answer = await ask(path)
      const body = Buffer.from(await answer.arrayBuffer())
      expect(Number.parseInt(answer.headers.get('x-origin-checksum')!, 16)).toBe(crc32(body))
      expect(answer.headers.get('x-origin-key')).toBe(path.slice(1))
      const version = Number(answer.headers.get('x-origin-version'))
      expect(version).toBeGreaterThanOrEqual(before)
      expect(version).toBeLessThanOrEqual(Date.now())
    }
  })

  test('counts what reached it, and the write that came twice', async () => {
    await start()
    await ask('/areas/1', { headers: { 'x-request-id': 'r-1' } })
    await ask('/areas/2', { headers: { 'x-request-id': 'r-2' } })
    await post(NEW_AREA, { 'x-request-id': 'r-3', 'idempotency-key': 'w-1' })
    await post(NEW_AREA, { 'x-request-id': 'r-4', 'idempotency-key': 'w-1' })
    await ask('/health')
    expect(await stats()).toEqual({
      requests: 4,
      byRoute: { 'GET /areas/:id': 2, 'POST /areas': 2, 'GET /health': 1, 'GET /stats': 1 },
      byMethod: { GET: 2, POST: 2 },
      inFlight: 0,
      inFlightMax: 1,
      distinctRequestIds: 4,
      writes: 2,
      duplicateWrites: 1,
    })
  })
})

describe('its service time', () => {
  /** What the way there and back may add on a busy machine. */
  const TOLERANCE_MS = 100

  test('is never less than was drawn, and about the same for the same request', async () => {
    await start({ MEDIAN_MS: '50', SIGMA: '0' })
    const waits: number[] = []
    for (let count = 0; count < 10; count++) {
      const from = performance.now()
      await ask(`/areas/${count + 1}`)
      waits.push(performance.now() - from)
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(50)
    expect(percentiles(waits).p50).toBeLessThan(50 + TOLERANCE_MS)
  })

  test('does not delay health', async () => {
    await start({ MEDIAN_MS: '5000', SIGMA: '0' })
    const from = performance.now()
    expect(await (await ask('/health')).json()).toEqual({ status: 'ok' })
    expect(performance.now() - from).toBeLessThan(5_000)
  })

  test('is spent one after the other with a capacity of 1', async () => {
    await start({ MEDIAN_MS: '60', SIGMA: '0', CAPACITY: '1' })
    const from = performance.now()
    await Promise.all([1, 2, 3, 4, 5].map(id => ask(`/areas/${id}`)))
    expect(performance.now() - from).toBeGreaterThanOrEqual(5 * 60)
    expect((await stats()).inFlightMax).toBeGreaterThan(1)
  })
})

describe('its process', () => {
  test('ends with 0 on SIGTERM, also with a request open', async () => {
    await start({ MEDIAN_MS: '60000', SIGMA: '0' })
    const open = ask('/areas/1').catch(() => 'cut')
    await eventually(async () => expect(await stats()).toMatchObject({ inFlight: 1 }))
    origin.child.kill('SIGTERM')
    expect(await once(origin.child, 'exit')).toEqual([0, null])
    expect(await open).toBe('cut')
  })

  test('ends itself when its parent is gone', async () => {
    await start()
    origin.child.disconnect()
    expect(await once(origin.child, 'exit')).toEqual([0, null])
  })

  test.each([
    ['a bad setting', { CAPACITY: 'many' }, 'CAPACITY must be a whole number from 0 to 1000000, got "many"'],
    ['an address it cannot have', { HOST: '192.0.2.1', PORT: '0' }, 'Choose another with HOST and PORT'],
  ])('says %s in one line and exits 1', async (_what, env, words) => {
    await start()
    const { status, stderr } = spawnSync(process.execPath, [ENTRY], { env: { PORT: '0', ...env } })
    expect(status).toBe(1)
    expect(stderr.toString()).toContain(words)
    expect(stderr.toString().trim().split('\n')).toHaveLength(1)
  })
})
