import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Child } from '../../../chaos/supervise.ts'
import { latency, noop } from '../../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy, ToxiproxyError } from '../../../chaos/toxiproxy.ts'
import { listenTcp } from '../../support/tcp.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

let server: Child
let toxiproxy: Toxiproxy

beforeAll(async () => {
  server = await startEmbeddedProxy()
  toxiproxy = await connectToxiproxy(`${apiUrl(server)}/`)
})
afterEach(async () => {
  for (const { name } of await toxiproxy.listProxies()) await toxiproxy.deleteProxy(name)
})
afterAll(() => server.stop())

const create = (name = 'areas') =>
  toxiproxy.createProxy({ name, listen: '127.0.0.1:0', upstream: '127.0.0.1:9' })

describe('the control client', () => {
  test('tells the version', async () => {
    expect(await toxiproxy.version()).toBe('2.12.0')
  })

  test('creates, lists, switches and deletes an entry', async () => {
    const { name, listen } = await create('a b&c')
    expect(listen).toMatch(/^127\.0\.0\.1:[1-9]\d+$/)
    await toxiproxy.setEnabled(name, false)
    const entry = { name, listen, upstream: '127.0.0.1:9', enabled: false, toxics: [] }
    expect(await toxiproxy.listProxies()).toEqual([entry])
    await toxiproxy.setEnabled(name, true)
    expect(await toxiproxy.getProxy(name)).toEqual({ ...entry, enabled: true })
    await toxiproxy.deleteProxy(name)
    expect(await toxiproxy.listProxies()).toEqual([])
  })

  test('adds and removes toxics', async () => {
    await create()
    await toxiproxy.addToxic('areas', latency({ latencyMs: 5 }))
    await toxiproxy.addToxic('areas', noop({ stream: 'upstream' }))
    expect((await toxiproxy.getProxy('areas')).toxics).toEqual(['noop_upstream', 'latency_downstream'])
    await toxiproxy.removeToxic('areas', 'noop_upstream')
    expect((await toxiproxy.getProxy('areas')).toxics).toEqual(['latency_downstream'])
  })

  test('keeps the words of the server when it refuses', async () => {
    await create()
    await expect(create()).rejects.toThrow(
      `Toxiproxy refused POST ${apiUrl(server)}/proxies with 409: proxy already exists. Remove the old one`,
    )
    await expect(toxiproxy.removeToxic('areas', 'none')).rejects.toMatchObject({
      status: 404,
      name: 'ToxiproxyError',
    })
    const taken = { name: 'b', listen: `127.0.0.1:${server.ports.api}`, upstream: '127.0.0.1:9' }
    await expect(toxiproxy.createProxy(taken)).rejects.toThrow(
      'bind: address already in use. Free that address',
    )
  })
})

describe('connecting', () => {
  test('says in one line that nobody is there', async () => {
    const { port, close } = await listenTcp()
    await close()
    await expect(connectToxiproxy(`http://127.0.0.1:${port}`)).rejects.toThrow(
      /^Toxiproxy did not answer GET http:\/\/127\.0\.0\.1:\d+\/proxies: .*ECONNREFUSED.*\. Is it running there\? .*one$/,
    )
  })

  test('gives up on a server that does not answer', async () => {
    const { port, close } = await listenTcp()
    const error = await connectToxiproxy(`http://127.0.0.1:${port}`, { timeoutMs: 200 }).catch(error => error)
    expect(error).toBeInstanceOf(ToxiproxyError)
    expect(error.message).toContain('no answer within 200 ms. It may be wedged')
    await close()
  })

  test('notices that what answers is not a Toxiproxy', async () => {
    let says = '<html>hello</html>'
    const stranger = createServer((_request, response) => response.end(says)).listen(0, '127.0.0.1')
    await once(stranger, 'listening')
    const { port } = stranger.address() as { port: number }
    for (says of ['<html>hello</html>', '', '5', 'null', '[1]', '{"areas":null}']) {
      await expect(connectToxiproxy(`http://127.0.0.1:${port}`)).rejects.toThrow("not Toxiproxy's API")
    }
    stranger.close()
    await expect(connectToxiproxy('localhost:8474')).rejects.toThrow('is not the address of a Toxiproxy')
  })
})
