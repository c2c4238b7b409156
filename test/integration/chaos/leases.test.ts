// Leases of the chaos proxy, over its API: what a client put in goes when the client no longer renews.
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Child } from '../../../chaos/supervise.ts'
import { latency } from '../../../chaos/toxic.ts'
import { eventually } from '../../support/eventually.ts'
import { dialTcp, listenTcp, type TcpServer } from '../../support/tcp.ts'
import { EARLY_MS, quiet, whenReceived } from '../../support/toxic-lab.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

/** A lease that no test waits for. */
const LONG_MS = 60_000
/** What is left of one that is to run out. */
const SHORT_MS = 300
/** From the end of a lease to the end of what it held. */
const UNDONE_WITHIN_MS = 1_000

const slow = latency({ latencyMs: 60_000 })
const pairOf = ({ address }: TcpServer) => ({ listen: '127.0.0.1:0', upstream: address })

let server: Child
let upstream: TcpServer

beforeAll(async () => {
  server = await startEmbeddedProxy()
  upstream = await listenTcp(({ socket }) => socket.on('data', data => socket.write(data)))
})
afterEach(async () => {
  for (const { id } of await leases()) await ask('DELETE', `/leases/${id}`)
  for (const name of Object.keys(await proxies())) await ask('DELETE', `/proxies/${name}`)
})
afterAll(async () => {
  await server.stop()
  await upstream.close()
})

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(apiUrl(server) + path, { method, headers, ...(text && { body: text }) })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

interface Shown {
  id: string
  ttl_ms: number
  expires_in_ms: number
  holds: object[]
}
interface ShownProxy {
  enabled: boolean
  listen: string
  upstream: string
  toxics: { name: string; attributes: object }[]
}

const leases = async () => JSON.parse((await ask('GET', '/leases')).text) as Shown[]
const proxies = async () =>
  JSON.parse((await ask('GET', '/proxies')).text) as Record<string, ShownProxy | undefined>

/** A lease, and calls that stand under it. */
async function takeLease() {
  const taken = await ask('POST', '/leases', { ttl_ms: LONG_MS })
  expect(taken.status).toBe(201)
  const { id } = JSON.parse(taken.text) as { id: string }
  return {
    id,
    under: (method: string, path: string, body: unknown) => ask(method, path, body, { 'X-Lease-Id': id }),
    renew: (body?: unknown) => ask('POST', `/leases/${id}`, body),
    /** Renews it for the last time. */
    runOut: () => ask('POST', `/leases/${id}`, { ttl_ms: SHORT_MS }),
    end: () => ask('DELETE', `/leases/${id}`),
    holds: async () => (await leases()).find(lease => lease.id === id)?.holds,
  }
}

/** A proxy that no lease holds. */
async function createProxy(name: string, settings: object = {}): Promise<string> {
  const created = await ask('POST', '/proxies', { name, ...pairOf(upstream), ...settings })
  expect(created.status).toBe(201)
  return (JSON.parse(created.text) as ShownProxy).listen
}

/** What the log says of a lease's end. */
const logged = (id: string) =>
  eventually(() => {
    const line = server
      .outputTail()
      .split('\n')
      .find(text => text.includes(`Lease ${id}`))
    return JSON.parse(line!) as { level: string; message: string }
  })

const refusal = (error: string, status: number) => `${JSON.stringify({ error, status })}\n`

describe('a lease', () => {
  test('is taken, shown, renewed and ended', async () => {
    expect(await leases()).toEqual([])
    const taken = await ask('POST', '/leases', { ttl_ms: 5_000 })
    expect(taken).toMatchObject({
      status: 201,
      text: expect.stringMatching(/^\{"id":"\w+","ttl_ms":5000\}$/),
    })
    const { id } = JSON.parse(taken.text)
    const [shown] = await leases()
    expect(shown).toEqual({ id, ttl_ms: 5_000, expires_in_ms: expect.any(Number), holds: [] })
    expect(shown!.expires_in_ms).toBeGreaterThan(2_500)
    expect(shown!.expires_in_ms).toBeLessThanOrEqual(5_000)

    expect(await ask('POST', `/leases/${id}`)).toMatchObject({
      status: 200,
      text: `{"id":"${id}","ttl_ms":5000}`,
    })
    expect(await ask('POST', `/leases/${id}`, { ttl_ms: 9_000 })).toMatchObject({
      status: 200,
      text: `{"id":"${id}","ttl_ms":9000}`,
    })
    expect((await leases())[0]!.expires_in_ms).toBeGreaterThan(5_000)
    expect(await ask('POST', `/leases/${id}`, {})).toMatchObject({ text: `{"id":"${id}","ttl_ms":9000}` })

    expect(await ask('DELETE', `/leases/${id}`)).toMatchObject({ status: 204, text: '' })
    expect(await leases()).toEqual([])
    expect((await logged(id)).level).toBe('info')
  })

  test('answers with the manners of the other routes', async () => {
    const { id } = await takeLease()
    const good = await ask('POST', `/leases/${id}`)
    expect(good.headers.get('content-type')).toBe('application/json')
    expect(good.headers.get('x-toxiproxy-request-id')).toMatch(/^\w{20}$/)
    const bad = await ask('POST', '/leases/none')
    expect(bad).toMatchObject({ status: 404, text: refusal('lease not found', 404) })
    expect(bad.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(bad.headers.get('x-content-type-options')).toBe('nosniff')
    expect(bad.headers.get('x-toxiproxy-request-id')).toMatch(/^\w{20}$/)
    expect(await ask('DELETE', '/leases/none')).toMatchObject({ status: 404 })
    expect(await ask('PUT', '/leases')).toMatchObject({ status: 405, text: '' })
    expect(await ask('GET', `/leases/${id}`)).toMatchObject({ status: 405 })
  })

  test.each([
    ['{}', 'nothing'],
    ['{"ttl_ms":null}', 'nothing'],
    ['{"ttl_ms":99}', '99'],
    ['{"ttl_ms":3600001}', '3600001'],
    ['{"ttl_ms":1e3}', '1e3'],
    ['{"ttl_ms":150.5}', '150.5'],
    ['{"ttl_ms":-1}', '-1'],
    ['{"ttl_ms":"soon"}', '"soon"'],
    ['{"ttl_ms":[1500]}', 'array'],
  ])('is refused for %s with the field, the range and the value', async (body, got) => {
    const error = `ttl_ms must be a whole number from 100 to 3600000, got ${got}`
    const said = { status: 400, text: `{"error":${JSON.stringify(error)},"status":400}\n` }
    expect(await ask('POST', '/leases', body)).toMatchObject(said)
    expect(await leases()).toEqual([])
  })

  test('is refused for a body that is none, and such a renewal changes nothing', async () => {
    expect(await ask('POST', '/leases')).toMatchObject({
      status: 400,
      text: refusal('bad request body: EOF', 400),
    })
    expect(await ask('POST', '/leases', '[]')).toMatchObject({ status: 400 })
    const { id, renew } = await takeLease()
    expect(await renew('{"ttl_ms":99}')).toMatchObject({ status: 400 })
    expect(await leases()).toMatchObject([{ id, ttl_ms: LONG_MS }])
    expect(await ask('POST', '/leases/none', '{"ttl_ms":99}')).toMatchObject({ status: 404 })
  })

  test('takes the least and the most that it may', async () => {
    expect(await ask('POST', '/leases', { ttl_ms: 100 })).toMatchObject({ status: 201 })
    expect(await ask('POST', '/leases', { ttl_ms: 3_600_000 })).toMatchObject({ status: 201 })
  })
})

describe('when a lease runs out', () => {
  test('its toxic goes, not a moment early, and data flows again on the connections there are', async () => {
    const listen = await createProxy('areas')
    const client = await dialTcp(listen)
    onTestFinished(() => void client.socket.destroy())
    client.socket.write('before')
    await whenReceived(client, 6)

    const { id, under, holds, runOut } = await takeLease()
    expect((await under('POST', '/proxies/areas/toxics', slow)).status).toBe(200)
    expect(await holds()).toEqual([{ kind: 'toxic', proxy: 'areas', toxic: 'latency_downstream' }])
    client.socket.write('-held')
    const lastRenewedAt = performance.now()
    await runOut()
    const releasedAt = await whenReceived(client, 11)
    expect(releasedAt - lastRenewedAt).toBeGreaterThanOrEqual(SHORT_MS - EARLY_MS)
    expect(releasedAt - lastRenewedAt).toBeLessThan(SHORT_MS + UNDONE_WITHIN_MS)

    client.socket.write('-after')
    const sentAt = performance.now()
    expect((await whenReceived(client, 17)) - sentAt).toBeLessThan(UNDONE_WITHIN_MS)
    expect(client.received().toString()).toBe('before-held-after')
    expect((await proxies()).areas?.toxics).toEqual([])
    expect(await logged(id)).toMatchObject({
      level: 'warn',
      message: `Lease ${id} was not renewed for ${SHORT_MS} ms; undone: toxic latency_downstream of proxy areas`,
    })
  })

  test('it is not found any more, nor is anything done under it', async () => {
    await createProxy('areas')
    const { renew, under, end, runOut } = await takeLease()
    await runOut()
    await eventually(async () => expect(await leases()).toEqual([]))
    const gone = { status: 404, text: refusal('lease not found', 404) }
    expect(await renew()).toMatchObject(gone)
    expect(await end()).toMatchObject(gone)
    expect(await under('POST', '/proxies', { name: 'late', ...pairOf(upstream) })).toMatchObject(gone)
    expect(await under('POST', '/proxies/areas/toxics', slow)).toMatchObject(gone)
    expect(await under('PATCH', '/proxies/areas', { enabled: false })).toMatchObject(gone)
    expect(await under('POST', '/populate', [{ name: 'late', ...pairOf(upstream) }])).toMatchObject(gone)
    expect(await proxies()).toMatchObject({ areas: { enabled: true, toxics: [] } })
    expect(Object.keys(await proxies())).toEqual(['areas'])
  })

  test('an outage ends, at the same address', async () => {
    const listen = await createProxy('areas')
    const { id, under, holds, runOut } = await takeLease()
    await under('POST', '/proxies/areas', { enabled: false })
    expect(await holds()).toEqual([{ kind: 'enabled', proxy: 'areas', was: true }])
    await expect(dialTcp(listen)).rejects.toThrow('ECONNREFUSED')
    await runOut()
    const client = await eventually(() => dialTcp(listen), SHORT_MS + UNDONE_WITHIN_MS)
    client.socket.write('hello')
    await whenReceived(client, 5)
    client.socket.destroy()
    expect((await logged(id)).message).toContain('undone: "enabled":false of proxy areas')
  })

  test('a proxy that was switched on is off again', async () => {
    await createProxy('areas', { enabled: false })
    const { under, holds, runOut } = await takeLease()
    await under('PATCH', '/proxies/areas', { enabled: true })
    expect(await holds()).toEqual([{ kind: 'enabled', proxy: 'areas', was: false }])
    await runOut()
    await eventually(async () => expect((await proxies()).areas?.enabled).toBe(false))
    expect(await leases()).toEqual([])
  })

  test('a proxy created under it is gone with its connections, and its port is free', async () => {
    const { id, under, runOut } = await takeLease()
    const created = await under('POST', '/proxies', { name: 'areas', ...pairOf(upstream) })
    const { listen } = JSON.parse(created.text) as ShownProxy
    const client = await dialTcp(listen)
    await runOut()
    await eventually(() => expect(client.ending).toBe('fin'), SHORT_MS + UNDONE_WITHIN_MS)
    client.socket.destroy()
    expect(await proxies()).toEqual({})
    const successor = createServer().listen(Number(listen.split(':')[1]), '127.0.0.1')
    await new Promise((resolve, reject) => successor.once('listening', resolve).once('error', reject))
    successor.close()
    expect((await logged(id)).message).toContain('undone: proxy areas')
  })

  test('of what it populated, only what was not there before goes', async () => {
    const listen = await createProxy('old')
    const { under, holds, runOut } = await takeLease()
    const old = { name: 'old', listen, upstream: upstream.address }
    const done = await under('POST', '/populate', [old, { name: 'new', ...pairOf(upstream) }])
    expect(done.status).toBe(201)
    expect(await holds()).toEqual([{ kind: 'proxy', proxy: 'new' }])
    await runOut()
    await eventually(async () => expect(Object.keys(await proxies())).toEqual(['old']))
  })

  test('a proxy that populate switched off, and then could not replace, is on again', async () => {
    await createProxy('areas')
    const { under, runOut } = await takeLease()
    const taken = { name: 'areas', listen: upstream.address, upstream: upstream.address }
    expect((await under('POST', '/populate', [taken])).status).toBe(500)
    expect((await proxies()).areas?.enabled).toBe(false)
    await runOut()
    await eventually(async () => expect((await proxies()).areas?.enabled).toBe(true))
  })

  test('what cannot be undone is told, and the rest is undone all the same', async () => {
    const listen = await createProxy('areas')
    const { id, under, end } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await under('POST', '/proxies/areas', { enabled: false })
    await under('POST', '/proxies', { name: 'other', ...pairOf(upstream) })
    const squatter = createServer().listen(Number(listen.split(':')[1]), '127.0.0.1')
    onTestFinished(() => void squatter.close())
    expect((await end()).status).toBe(204)
    expect(await proxies()).toMatchObject({ areas: { enabled: false, toxics: [] } })
    expect(await logged(id)).toMatchObject({
      level: 'warn',
      message:
        `Lease ${id} was ended by its owner; undone: toxic latency_downstream of proxy areas, proxy other; ` +
        `not undone: "enabled":false of proxy areas (listen tcp ${listen}: bind: address already in use)`,
    })
  })
})

describe('a renewal', () => {
  test('keeps what the lease holds for as long as it comes', async () => {
    await createProxy('areas')
    const { under, renew } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await renew({ ttl_ms: 1_000 })
    const end = performance.now() + 2_500
    while (performance.now() < end) {
      expect((await renew()).status).toBe(200)
      expect((await proxies()).areas?.toxics).toHaveLength(1)
      await quiet(50)
    }
  })

  test('that waited while the server stood still comes in time', async () => {
    await createProxy('areas')
    const { under, renew } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await renew({ ttl_ms: 1_000 })
    await server.pause()
    onTestFinished(() => server.resume())
    const renewed = renew({ ttl_ms: LONG_MS })
    await quiet(1_500)
    await server.resume()
    expect((await renewed).status).toBe(200)
    expect((await proxies()).areas?.toxics).toHaveLength(1)
  })

  test('that does not come is not waited for by a server that stood still', async () => {
    await createProxy('areas')
    const { under, runOut } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await runOut()
    await server.pause()
    onTestFinished(() => server.resume())
    await quiet(SHORT_MS + 500)
    await server.resume()
    await eventually(async () => expect((await proxies()).areas?.toxics).toEqual([]), UNDONE_WITHIN_MS)
  })
})

describe('ending a lease by hand', () => {
  test('undoes all it holds before it answers', async () => {
    await createProxy('areas')
    const { under, end, renew } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await under('POST', '/proxies/areas', { enabled: false })
    await under('POST', '/proxies', { name: 'other', ...pairOf(upstream) })
    expect((await end()).status).toBe(204)
    expect(await proxies()).toMatchObject({ areas: { enabled: true, toxics: [] } })
    expect(Object.keys(await proxies())).toEqual(['areas'])
    expect((await renew()).status).toBe(404)
  })

  test('leaves alone what another lease holds, and what none does', async () => {
    await createProxy('areas')
    await ask('POST', '/proxies/areas/toxics', { ...slow, name: 'free' })
    const [mine, yours] = [await takeLease(), await takeLease()]
    await mine.under('POST', '/proxies/areas/toxics', { ...slow, name: 'mine' })
    await yours.under('POST', '/proxies/areas/toxics', { ...slow, name: 'yours' })
    await mine.end()
    expect((await proxies()).areas?.toxics.map(({ name }) => name)).toEqual(['free', 'yours'])
    await yours.end()
    expect((await proxies()).areas?.toxics.map(({ name }) => name)).toEqual(['free'])
  })
})

describe('a lease lets be', () => {
  test('a toxic that was removed by hand, and its namesake', async () => {
    await createProxy('areas')
    const { id, under, end, holds } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await ask('DELETE', '/proxies/areas/toxics/latency_downstream')
    expect(await holds()).toEqual([])
    await ask('POST', '/proxies/areas/toxics', slow)
    await end()
    expect((await proxies()).areas?.toxics).toHaveLength(1)
    expect((await logged(id)).message).toContain('nothing was left to undo')
  })

  test('a proxy that was deleted by hand, and its namesake with its toxics', async () => {
    const { under, end, holds } = await takeLease()
    await under('POST', '/proxies', { name: 'areas', ...pairOf(upstream) })
    await under('POST', '/proxies/areas/toxics', slow)
    await under('POST', '/proxies/areas', { enabled: false })
    await ask('DELETE', '/proxies/areas')
    await createProxy('areas', { enabled: false })
    await ask('POST', '/proxies/areas/toxics', slow)
    expect(await holds()).toEqual([])
    await end()
    expect(await proxies()).toMatchObject({
      areas: { enabled: false, toxics: [{ name: 'latency_downstream' }] },
    })
  })

  test.each([
    ['on', [true]],
    ['on and off again', [true, false]],
  ])('an outage that somebody else has switched %s since', async (_how, switches) => {
    await createProxy('areas')
    const { under, end, holds } = await takeLease()
    await under('POST', '/proxies/areas', { enabled: false })
    for (const enabled of switches) await ask('POST', '/proxies/areas', { enabled })
    expect(await holds()).toEqual([])
    await end()
    expect((await proxies()).areas?.enabled).toBe(switches.at(-1))
  })

  test('what a reset has cleared', async () => {
    await createProxy('areas')
    const { under, end, holds } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await under('POST', '/proxies/areas', { enabled: false })
    await ask('POST', '/reset')
    expect(await holds()).toEqual([])
    await end()
    expect(await proxies()).toMatchObject({ areas: { enabled: true, toxics: [] } })
  })
})

describe('a switch', () => {
  test('there and back under one lease leaves nothing to put back', async () => {
    await createProxy('areas')
    const { under, end, holds } = await takeLease()
    await under('POST', '/proxies/areas', { enabled: false })
    await under('POST', '/proxies/areas', { enabled: true })
    expect(await holds()).toEqual([])
    await end()
    expect((await proxies()).areas?.enabled).toBe(true)
  })

  test('made again after somebody else had taken it back is put back', async () => {
    await createProxy('areas')
    const { under, end } = await takeLease()
    await under('POST', '/proxies/areas', { enabled: false })
    await ask('POST', '/proxies/areas', { enabled: true })
    await under('POST', '/proxies/areas', { enabled: false })
    await end()
    expect((await proxies()).areas?.enabled).toBe(true)
  })

  test('to what it already was is none', async () => {
    await createProxy('areas')
    const { under, holds } = await takeLease()
    await under('PATCH', '/proxies/areas', { enabled: true })
    expect(await holds()).toEqual([])
  })
})

describe('the header', () => {
  test('is refused where it would promise what no lease does, in one line', async () => {
    await createProxy('areas')
    const { under } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    for (const method of ['POST', 'PATCH']) {
      const path = '/proxies/areas/toxics/latency_downstream'
      const refused = await under(method, path, { attributes: { latency: 7 } })
      expect(refused.status).toBe(400)
      expect(refused.text).toMatch(
        /^\{"error":"X-Lease-Id is not for the update of a toxic.*","status":400\}\n$/,
      )
    }
    expect((await proxies()).areas?.toxics[0]?.attributes).toEqual({ latency: 60_000, jitter: 0 })
  })

  test('of a lease that there never was changes nothing elsewhere', async () => {
    await createProxy('areas')
    const none = { 'X-Lease-Id': 'none' }
    expect(await ask('GET', '/proxies/areas', undefined, none)).toMatchObject({ status: 200 })
    expect(await ask('POST', '/reset', undefined, none)).toMatchObject({ status: 204 })
    expect(await ask('DELETE', '/proxies/areas', undefined, none)).toMatchObject({ status: 204 })
  })

  test('holds a toxic that was changed since it was added', async () => {
    await createProxy('areas')
    const { under, end } = await takeLease()
    await under('POST', '/proxies/areas/toxics', slow)
    await ask('POST', '/proxies/areas/toxics/latency_downstream', { attributes: { latency: 7 } })
    await end()
    expect((await proxies()).areas?.toxics).toEqual([])
  })

  test('on a call that is refused holds nothing', async () => {
    await createProxy('areas')
    const { under, holds } = await takeLease()
    expect((await under('POST', '/proxies', { name: 'areas', ...pairOf(upstream) })).status).toBe(409)
    expect((await under('POST', '/proxies/areas/toxics', { type: 'none' })).status).toBe(400)
    expect((await under('POST', '/proxies/none', { enabled: false })).status).toBe(404)
    expect(await holds()).toEqual([])
  })
})

test('a hundred leases at once each hold their own', async () => {
  await createProxy('areas')
  const taken = await Promise.all(
    Array.from({ length: 100 }, async (_value, index) => {
      const lease = await takeLease()
      await lease.under('POST', '/proxies/areas/toxics', { type: 'noop', name: `noop-${index}` })
      return lease
    }),
  )
  const left = async () => (await proxies()).areas?.toxics.map(({ name }) => Number(name.slice(5))) ?? []
  expect(await left()).toHaveLength(100)
  expect(await leases()).toHaveLength(100)
  await Promise.all(taken.filter((_lease, index) => index % 2 === 0).map(({ runOut }) => runOut()))
  await eventually(async () => expect(await leases()).toHaveLength(50))
  expect((await left()).filter(index => index % 2 === 1)).toHaveLength(50)
  expect(await left()).toHaveLength(50)
  await Promise.all((await leases()).map(({ id }) => ask('DELETE', `/leases/${id}`)))
  expect(await left()).toEqual([])
})
