// Every toxic over real sockets, on every subject.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Toxic } from '../../chaos/toxic.ts'
import * as make from '../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy } from '../../chaos/toxiproxy.ts'
import { eventually } from '../support/eventually.ts'
import { dialTcp, type End, listenTcp, type TcpServer } from '../support/tcp.ts'
import { SUBJECTS, type Subject } from '../support/toxiproxy-subject.ts'

/** A delay may look shorter by this, since both ends read their own clock after the fact. */
const EARLY_MS = 2
/** And longer by this, on a machine that does other things too. */
const LATE_MS = 150

describe.each(SUBJECTS)('toxics, on $name', ({ open, kind }) => {
  let subject: Subject
  let toxiproxy: Toxiproxy
  const opened: (() => unknown)[] = []

  beforeAll(async () => {
    subject = await open()
    toxiproxy = await connectToxiproxy(subject.url)
  })
  afterAll(() => subject.close())
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close()
  })

  /** A proxy of its own in front of a server of its own. */
  async function lay(toxics: Toxic[] = [], onConnection?: (end: End) => void) {
    const server: TcpServer = await listenTcp(onConnection)
    opened.push(() => server.close())
    const name = `toxics-${performance.now()}`
    const { listen } = await toxiproxy.createProxy({ name, listen: '127.0.0.1:0', upstream: server.address })
    opened.push(() => toxiproxy.deleteProxy(name))
    for (const toxic of toxics) await toxiproxy.addToxic(name, toxic)

    const connect = async () => {
      const client = await dialTcp(listen)
      opened.push(() => client.socket.destroy())
      const reached = server.ends.length + 1
      return { client, reached }
    }
    return {
      name,
      listen,
      server,
      dial: async () => (await connect()).client,
      /** Both ends of one connection. */
      async join() {
        const before = server.ends.length
        const { client } = await connect()
        const upstream = await eventually(() => {
          const end = server.ends[before]
          if (end === undefined) throw new Error('the server has not been reached')
          return end
        })
        return { client, upstream }
      },
      update: (toxic: string, body: unknown) =>
        fetch(`${subject.url}/proxies/${name}/toxics/${toxic}`, {
          method: 'POST',
          body: JSON.stringify(body),
        }),
    }
  }

  const whenReceived = (end: End, bytes: number, withinMs?: number) =>
    eventually(() => {
      expect(end.received().length).toBeGreaterThanOrEqual(bytes)
      return end.chunks.at(-1)!.at
    }, withinMs)
  const whenEnded = (end: End, ending: 'fin' | 'rst', withinMs?: number) =>
    eventually(() => {
      expect(end.ending).toBe(ending)
      return end.endedAt!
    }, withinMs)
  const expectDelay = (ms: number, asked: number, lateMs = LATE_MS) => {
    expect(ms).toBeGreaterThanOrEqual(asked - EARLY_MS)
    expect(ms).toBeLessThan(asked + lateMs)
  }
  /** That nothing happens can only be waited for. */
  const quiet = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

  describe('a connection', () => {
    test('is passed through unchanged, both ways', async () => {
      const { join } = await lay()
      const { client, upstream } = await join()
      client.socket.write('ping')
      await whenReceived(upstream, 4)
      upstream.socket.write('pong')
      await whenReceived(client, 4)
      expect(upstream.received().toString() + client.received().toString()).toBe('pingpong')
    })

    test('carries 16 MiB intact', async () => {
      const body = Buffer.alloc(
        16 * 1024 * 1024,
        Array.from({ length: 251 }, (_v, i) => String.fromCharCode(i)).join(''),
      )
      const { join } = await lay()
      const { client, upstream } = await join()
      upstream.socket.end(body)
      await whenReceived(client, body.length, 10_000)
      expect(client.received().equals(body)).toBe(true)
    })

    test('reaches the server before the client has sent a byte', async () => {
      const { join } = await lay()
      const { upstream } = await join()
      expect(upstream.received().length).toBe(0)
    })

    test('to an upstream that refuses ends with a FIN', async () => {
      const { server, dial } = await lay()
      await server.close()
      opened.splice(0, 1)
      await whenEnded(await dial(), 'fin')
    })

    test('has no half-close: a client that ends its side never gets its answer', async () => {
      const { join } = await lay()
      const { client, upstream } = await join()
      client.socket.end('question')
      await whenEnded(upstream, 'fin')
      await whenEnded(client, 'fin')
      upstream.socket.write('answer')
      await quiet(50)
      expect(client.received().length).toBe(0)
    })

    test('reset by the server ends with a FIN for the client', async () => {
      const { join } = await lay()
      const { client, upstream } = await join()
      upstream.socket.resetAndDestroy()
      await whenEnded(client, 'fin')
    })

    test('is closed when its proxy is switched off; new ones are refused, and the same port comes back', async () => {
      const { name, join, listen, dial } = await lay()
      const { client, upstream } = await join()
      await toxiproxy.setEnabled(name, false)
      await whenEnded(client, 'fin')
      await whenEnded(upstream, 'fin')
      await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await toxiproxy.setEnabled(name, true)
      expect(await toxiproxy.getProxy(name)).toMatchObject({ listen, enabled: true })
      await join()
    })
  })

  describe('latency', () => {
    test('delays what comes, never less than asked', async () => {
      const { join } = await lay([make.latency({ latencyMs: 100 })])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.write('x')
      expectDelay((await whenReceived(client, 1)) - sentAt, 100)
    })

    test('is paid once by a large body, and by the FIN behind it not at all', async () => {
      const { join } = await lay([make.latency({ latencyMs: 100 })])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.end(Buffer.alloc(1024 * 1024))
      const receivedAt = await whenReceived(client, 1024 * 1024)
      expectDelay(receivedAt - sentAt, 100)
      expect((await whenEnded(client, 'fin')) - receivedAt).toBeLessThan(LATE_MS)
    })

    test('is pipelined: writes keep their order and their distance', async () => {
      const { join } = await lay([make.latency({ latencyMs: 300 })])
      const { client, upstream } = await join()
      const sent: number[] = []
      for (const letter of 'abcde') {
        sent.push(performance.now())
        upstream.socket.write(letter)
        await quiet(20)
      }
      await whenReceived(client, 5)
      expect(client.received().toString()).toBe('abcde')
      expectDelay(client.chunks.at(-1)!.at - sent.at(-1)!, 300)
    })

    test('varies by its jitter, and order is still kept', async () => {
      const { join } = await lay([make.latency({ latencyMs: 20, jitterMs: 20 })])
      const { client, upstream } = await join()
      const delays: number[] = []
      for (let sample = 0; sample < 20; sample++) {
        const sentAt = performance.now()
        upstream.socket.write('x')
        delays.push((await whenReceived(client, sample + 1)) - sentAt)
      }
      expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(5)
      expect(Math.max(...delays)).toBeLessThan(40 + LATE_MS)
    })

    test('in both directions adds up over a round trip', async () => {
      const toxics = [make.latency({ latencyMs: 50 }), make.latency({ latencyMs: 50, stream: 'upstream' })]
      const { join } = await lay(toxics, end => end.socket.on('data', data => end.socket.write(data)))
      const { client } = await join()
      const sentAt = performance.now()
      client.socket.write('x')
      expectDelay((await whenReceived(client, 1)) - sentAt, 100)
    })

    test('twice in one direction adds up', async () => {
      const { join } = await lay([
        make.latency({ latencyMs: 60 }),
        make.latency({ name: 'two', latencyMs: 60 }),
      ])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.write('x')
      expectDelay((await whenReceived(client, 1)) - sentAt, 120)
    })

    test('of two, the first removed: the rest is still delayed, from when it was received', async () => {
      const { name, join } = await lay([
        make.latency({ latencyMs: 2_000 }),
        make.latency({ name: 'two', latencyMs: 300 }),
      ])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.write('x')
      await quiet(30)
      await toxiproxy.removeToxic(name, 'latency_downstream')
      expectDelay((await whenReceived(client, 1)) - sentAt, 300)
    })

    test('that is changed releases the chunk it holds, and delays the next by the new value', async () => {
      const { join, update } = await lay([make.latency({ latencyMs: 10_000 })])
      const { client, upstream } = await join()
      upstream.socket.write('a')
      await quiet(30)
      const updatedAt = performance.now()
      await update('latency_downstream', { attributes: { latency: 80 } })
      expect((await whenReceived(client, 1)) - updatedAt).toBeLessThan(LATE_MS)
      const sentAt = performance.now()
      upstream.socket.write('b')
      expectDelay((await whenReceived(client, 2)) - sentAt, 80)
    })

    test('that is removed releases everything in order', async () => {
      const { name, join } = await lay([make.latency({ latencyMs: 10_000 })])
      const { client, upstream } = await join()
      for (const letter of 'abc') {
        upstream.socket.write(letter)
        await quiet(10)
      }
      const removedAt = performance.now()
      await toxiproxy.removeToxic(name, 'latency_downstream')
      expect((await whenReceived(client, 3)) - removedAt).toBeLessThan(LATE_MS)
      expect(client.received().toString()).toBe('abc')
    })

    test('added to a live connection acts on what comes after', async () => {
      const { name, join } = await lay()
      const { client, upstream } = await join()
      upstream.socket.write('a')
      await whenReceived(client, 1)
      await toxiproxy.addToxic(name, make.latency({ latencyMs: 100 }))
      const sentAt = performance.now()
      upstream.socket.write('b')
      expectDelay((await whenReceived(client, 2)) - sentAt, 100)
    })
  })

  describe('bandwidth', () => {
    test('lets through its rate, in pieces of a tenth of a second', async () => {
      const { join } = await lay([make.bandwidth({ kilobytesPerSecond: 100 })])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.end(Buffer.alloc(50_000))
      expectDelay((await whenReceived(client, 50_000)) - sentAt, 500)
      expectDelay(client.chunks[0]!.at - sentAt, 100)
      expect(client.chunks[0]!.data.length).toBe(10_000)
      await whenEnded(client, 'fin')
    })

    test('of 0 holds everything, and delivers it when it is removed', async () => {
      const { name, join } = await lay([make.bandwidth({ kilobytesPerSecond: 0 })])
      const { client, upstream } = await join()
      upstream.socket.write('held')
      await quiet(150)
      expect(client.received().length).toBe(0)
      await toxiproxy.removeToxic(name, 'bandwidth_downstream')
      await whenReceived(client, 4)
    })
  })

  describe('slow_close', () => {
    test('passes data at once and holds back the FIN', async () => {
      const { join } = await lay([make.slowClose({ delayMs: 200 })])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.end('x')
      expect((await whenReceived(client, 1)) - sentAt).toBeLessThan(LATE_MS)
      expectDelay((await whenEnded(client, 'fin')) - sentAt, 200)
    })

    test('that is removed while it waits closes at once', async () => {
      const { name, join } = await lay([make.slowClose({ delayMs: 10_000 })])
      const { client, upstream } = await join()
      upstream.socket.end()
      await quiet(50)
      expect(client.ending).toBeUndefined()
      await toxiproxy.removeToxic(name, 'slow_close_downstream')
      await whenEnded(client, 'fin', 1_000)
    })
  })

  describe('timeout', () => {
    test('swallows answers, lets requests through, and closes after its time without data', async () => {
      const { join } = await lay([make.timeout({ timeoutMs: 200 })])
      const { client, upstream } = await join()
      client.socket.write('request')
      await whenReceived(upstream, 7)
      upstream.socket.write('answer')
      const sentAt = performance.now()
      expectDelay((await whenEnded(client, 'fin')) - sentAt, 200)
      expect(client.received().length).toBe(0)
      await whenEnded(upstream, 'fin')
    })

    test('starts its time anew with every chunk it swallows', async () => {
      const { join } = await lay([make.timeout({ timeoutMs: 400 })])
      const { client, upstream } = await join()
      for (let write = 0; write < 10; write++) {
        upstream.socket.write('x')
        await quiet(60)
      }
      expect(client.ending).toBeUndefined()
      await whenEnded(client, 'fin')
    })

    test('of 0 never closes, until its removal does', async () => {
      const { name, join } = await lay([make.timeout({ timeoutMs: 0 })])
      const { client, upstream } = await join()
      upstream.socket.write('x')
      await quiet(200)
      expect(client.ending).toBeUndefined()
      await toxiproxy.removeToxic(name, 'timeout_downstream')
      await whenEnded(client, 'fin', 1_000)
      await whenEnded(upstream, 'fin', 1_000)
      expect(client.received().length).toBe(0)
    })
  })

  describe('reset_peer', () => {
    test('resets both sides its time after the first data, and not before', async () => {
      const { join } = await lay([make.resetPeer({ timeoutMs: 100, stream: 'upstream' })])
      const { client, upstream } = await join()
      await quiet(200)
      expect(client.ending).toBeUndefined()
      const sentAt = performance.now()
      client.socket.write('request')
      expectDelay((await whenEnded(client, 'rst')) - sentAt, 100)
      await whenEnded(upstream, 'rst')
      expect(upstream.received().length).toBe(0)
    })

    test('on answers lets the request through', async () => {
      const { join } = await lay([make.resetPeer()])
      const { client, upstream } = await join()
      client.socket.write('request')
      await whenReceived(upstream, 7)
      upstream.socket.write('answer')
      await whenEnded(client, 'rst')
      expect(client.received().length).toBe(0)
    })

    test('added to a live connection closes it with a FIN', async () => {
      const { name, join } = await lay()
      const { client, upstream } = await join()
      await toxiproxy.addToxic(name, make.resetPeer())
      upstream.socket.write('answer')
      await whenEnded(client, 'fin')
    })

    test.runIf(kind === 'embedded')('that lost its draw leaves a close a close', async () => {
      const { join } = await lay([make.resetPeer({ toxicity: 0 })])
      const { client, upstream } = await join()
      upstream.socket.end()
      await whenEnded(client, 'fin')
    })

    test.runIf(kind === 'embedded')(
      'under way does not keep its removal waiting, and still resets',
      async () => {
        const { name, join } = await lay([make.resetPeer({ timeoutMs: 400 })])
        const { client, upstream } = await join()
        upstream.socket.write('answer')
        await quiet(50)
        const removedAt = performance.now()
        await toxiproxy.removeToxic(name, 'reset_peer_downstream')
        expect(performance.now() - removedAt).toBeLessThan(LATE_MS)
        await whenEnded(client, 'rst')
      },
    )
  })

  describe('slicer', () => {
    test('cuts into pieces of its size, its delay after each', async () => {
      const { join } = await lay([make.slicer({ averageBytes: 8, delayUs: 20_000 })])
      const { client, upstream } = await join()
      const sentAt = performance.now()
      upstream.socket.end('0123456789abcdef'.repeat(4))
      expectDelay((await whenReceived(client, 64)) - sentAt, 140)
      expect(client.received().toString()).toBe('0123456789abcdef'.repeat(4))
      expect(Math.max(...client.chunks.map(({ data }) => data.length))).toBeLessThan(64)
      await whenEnded(client, 'fin')
    })

    test('that is removed passes the rest in one piece', async () => {
      const { name, join } = await lay([make.slicer({ averageBytes: 1, delayUs: 1_000_000 })])
      const { client, upstream } = await join()
      upstream.socket.write('0123456789')
      await whenReceived(client, 1)
      await toxiproxy.removeToxic(name, 'slicer_downstream')
      await whenReceived(client, 10, 1_000)
      expect(client.received().toString()).toBe('0123456789')
    })
  })

  describe('limit_data', () => {
    test('passes exactly its bytes, then closes both sides', async () => {
      const { join } = await lay([make.limitData({ bytes: 10 })])
      const { client, upstream } = await join()
      upstream.socket.write('0123456789abc')
      await whenEnded(client, 'fin')
      await eventually(() => expect(upstream.ending).toBeDefined())
      expect(client.received().toString()).toBe('0123456789')
    })

    test('met exactly closes too', async () => {
      const { join } = await lay([make.limitData({ bytes: 5 })])
      const { client, upstream } = await join()
      upstream.socket.write('01234')
      await whenEnded(client, 'fin')
      expect(client.received().toString()).toBe('01234')
    })

    test('of 0 delivers nothing and leaves an idle connection open', async () => {
      const { join } = await lay([make.limitData({ bytes: 0 })])
      const { client, upstream } = await join()
      await quiet(50)
      expect(client.ending).toBeUndefined()
      upstream.socket.write('x')
      await whenEnded(client, 'fin')
      expect(client.received().length).toBe(0)
    })

    test('keeps its count when it is changed', async () => {
      const { join, update } = await lay([make.limitData({ bytes: 10 })])
      const { client, upstream } = await join()
      upstream.socket.write('012345')
      await whenReceived(client, 6)
      await update('limit_data_downstream', { attributes: { bytes: 14 } })
      upstream.socket.write('6789abcdefgh')
      await whenEnded(client, 'fin')
      expect(client.received().toString()).toBe('0123456789abcd')
    })
  })

  describe('toxicity', () => {
    test('of 0 leaves every connection alone', async () => {
      const { join } = await lay([make.timeout({ timeoutMs: 0, toxicity: 0 }), make.noop()])
      const { client, upstream } = await join()
      upstream.socket.write('x')
      await whenReceived(client, 1)
    })

    test('of a half acts on about half of the connections, and on one of them throughout', async () => {
      const { join } = await lay([make.limitData({ bytes: 0, toxicity: 0.5 })])
      let closed = 0
      for (let connection = 0; connection < 40; connection++) {
        const { client, upstream } = await join()
        upstream.socket.write('x')
        await eventually(() => expect(client.ending ?? client.chunks.length).toBeTruthy())
        closed += client.ending === undefined ? 0 : 1
      }
      // Out of this range once in five million runs.
      expect(closed).toBeGreaterThanOrEqual(4)
      expect(closed).toBeLessThanOrEqual(36)
    })

    test('is drawn again when the toxic is changed', async () => {
      const { join, update } = await lay([make.timeout({ timeoutMs: 0, toxicity: 0 })])
      const { client, upstream } = await join()
      upstream.socket.write('a')
      await whenReceived(client, 1)
      await update('timeout_downstream', { toxicity: 1 })
      upstream.socket.write('b')
      await quiet(100)
      expect(client.received().toString()).toBe('a')
    })
  })

  test('an end behind delayed data comes after it', async () => {
    const { join } = await lay([
      make.latency({ latencyMs: 100 }),
      make.slicer({ averageBytes: 10, delayUs: 1_000 }),
    ])
    const { client, upstream } = await join()
    upstream.socket.end('0123456789'.repeat(10))
    await whenEnded(client, 'fin')
    expect(client.received().toString()).toBe('0123456789'.repeat(10))
  })
})
