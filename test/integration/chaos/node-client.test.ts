// The client from npm, unmodified, as anybody would use it.
import { type ICreateToxicBody, Toxiproxy } from 'toxiproxy-node-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Child } from '../../../chaos/supervise.ts'
import * as make from '../../../chaos/toxic.ts'
import { dialTcp, listenTcp, type TcpServer } from '../../support/tcp.ts'
import { whenReceived } from '../../support/toxic-lab.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

let server: Child
let upstream: TcpServer
let client: Toxiproxy

beforeAll(async () => {
  server = await startEmbeddedProxy()
  upstream = await listenTcp(({ socket }) => socket.write('hello'))
  client = new Toxiproxy(apiUrl(server))
})
afterEach(async () => {
  for (const proxy of Object.values(await client.getAll())) await proxy.remove()
})
afterAll(async () => {
  await upstream.close()
  await server.stop()
})

const body = (name: string) => ({ name, listen: '127.0.0.1:0', upstream: upstream.address })

describe('the unmodified client', () => {
  test('reads the version', async () => {
    expect(JSON.parse(await client.getVersion())).toEqual({ version: '2.12.0' })
  })

  test('creates, gets, lists, updates and removes proxies', async () => {
    const created = await client.createProxy(body('a'))
    const answered = await dialTcp(created.listen)
    await whenReceived(answered, 5)
    answered.socket.destroy()
    expect((await client.get('a')).toJson()).toEqual(created.toJson())
    const { listen } = created
    const updated = await created.update({ enabled: false, listen, upstream: upstream.address })
    expect(updated.enabled).toBe(false)
    expect(Object.keys(await client.getAll())).toEqual(['a'])
    await created.remove()
    expect(await client.getAll()).toEqual({})
  })

  test.each([
    make.latency({ latencyMs: 1, jitterMs: 1 }),
    make.bandwidth({ kilobytesPerSecond: 1 }),
    make.slowClose({ delayMs: 1 }),
    make.timeout({ timeoutMs: 1 }),
    make.resetPeer({ timeoutMs: 1 }),
    make.slicer({ averageBytes: 2, variationBytes: 1, delayUs: 1 }),
    make.limitData({ bytes: 1, stream: 'upstream', toxicity: 0.25 }),
    make.noop(),
  ])('adds, gets, updates and removes the toxic $type', async value => {
    const proxy = await client.createProxy(body('b'))
    // Its types know no noop, though the server does.
    const asked = value as unknown as ICreateToxicBody<unknown>
    const added = await proxy.addToxic(asked)
    expect(added.toJson()).toEqual(value)
    const toxic = await proxy.getToxic(value.name)
    expect((await toxic.update({ ...asked, toxicity: 0.5 })).toxicity).toBe(0.5)
    await toxic.remove()
    await expect(proxy.getToxic(value.name)).rejects.toThrow('404')
  })

  test('populates, and resets', async () => {
    const { a, b } = await client.populate([body('a'), { ...body('b'), enabled: false }])
    expect([a?.enabled, b?.enabled]).toEqual([true, false])
    await a?.addToxic<object>({
      name: 'slow',
      type: 'latency',
      stream: 'downstream',
      toxicity: 1,
      attributes: {},
    })
    await client.reset()
    expect((await client.get('b')).enabled).toBe(true)
    await expect((await client.get('a')).getToxic('slow')).rejects.toThrow('404')
  })
})
