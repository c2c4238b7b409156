// Each of the real server's deadlocks (it answers 503 after 25 s, or never again), on the embedded proxy.
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Stream } from '../../../chaos/toxic.ts'
import { type BlackHole, openBlackHole } from '../../support/black-hole.ts'
import { eventually } from '../../support/eventually.ts'
import { patternedEnd } from '../../support/patterned-end.ts'
import { expectPromptCalls, type Timed } from '../../support/prompt-calls.ts'
import { fill } from '../../support/stuck-connection.ts'
import { dialTcp } from '../../support/tcp.ts'
import { quiet, useToxicLab, whenEnded, whenReceived } from '../../support/toxic-lab.ts'
import { SUBJECTS } from '../../support/toxiproxy-subject.ts'

const { lay, ask, url } = useToxicLab(SUBJECTS[0]!)

/** Every type, with values under which it is at work; `passes` those which let a flood through. */
const KINDS = [
  { type: 'latency', attributes: { latency: 5, jitter: 2 }, passes: true },
  { type: 'bandwidth', attributes: { rate: 1_000_000 }, passes: true },
  { type: 'slow_close', attributes: { delay: 60_000 }, passes: true },
  { type: 'slicer', attributes: { average_size: 20_000, size_variation: 5_000, delay: 10 }, passes: true },
  { type: 'limit_data', attributes: { bytes: 2 ** 40 }, passes: true },
  { type: 'noop', attributes: {}, passes: true },
  { type: 'timeout', attributes: { timeout: 60_000 }, passes: false },
  { type: 'reset_peer', attributes: { timeout: 60_000 }, passes: false },
]
const STREAMS: Stream[] = ['upstream', 'downstream']
const CASES = STREAMS.flatMap(stream => KINDS.map(kind => ({ stream, ...kind })))

/** A call that is timed under its own words and must succeed. */
const timedAsk = (timed: Timed) => (method: string, path: string, body?: unknown) =>
  timed(`${method} ${path.replace(/lab-[\d.]+/, ':proxy')}`, async () => {
    const { status, text } = await ask(method, path, body)
    expect(status, text).toBeLessThan(300)
  })

describe('a connection whose reader does not read', () => {
  test.each(CASES)('$stream: keeps no call about $type waiting', async ({ passes, ...toxic }) => {
    await expectPromptCalls(async timed => {
      const call = timedAsk(timed)
      const { name, join } = await lay()
      const path = `/proxies/${name}`
      if (passes) await ask('POST', `${path}/toxics`, { ...toxic, name: 'first' })
      const { writer } = await fill(toxic.stream, await join())

      await call('POST', `${path}/toxics`, { ...toxic, name: 'late' })
      await call('PATCH', `${path}/toxics/late`, { attributes: toxic.attributes })
      if (passes) await call('PATCH', `${path}/toxics/first`, { attributes: toxic.attributes })
      await call('GET', path)
      await call('GET', '/proxies')
      await timed('a new connection', join)
      if (passes) await call('DELETE', `${path}/toxics/first`)
      await call('DELETE', `${path}/toxics/late`)
      await call('POST', `${path}/toxics`, { ...toxic, name: 'again' })
      await call('POST', '/reset')
      writer.socket.destroy()
      await call('DELETE', path)
    })
  })

  test.each(CASES)('$stream: keeps no call about $type waiting once it has left', async toxic => {
    await expectPromptCalls(async timed => {
      const call = timedAsk(timed)
      const { name, join } = await lay()
      const path = `/proxies/${name}`
      const { reader } = await fill(toxic.stream, await join())
      await call('POST', `${path}/toxics`, { ...toxic, name: 'late' })
      reader.socket.resetAndDestroy()
      await call('PATCH', `${path}/toxics/late`, { attributes: toxic.attributes })
      await call('DELETE', `${path}/toxics/late`)
      await call('GET', '/proxies')
      await timed('a new connection', join)
      await call('DELETE', path)
    })
  })

  test.each(STREAMS)('%s: keeps no change of its proxy waiting', async stream => {
    await expectPromptCalls(async timed => {
      const call = timedAsk(timed)
      const { name, join, server, listen } = await lay()
      const path = `/proxies/${name}`
      await fill(stream, await join())
      await call('POST', path, { enabled: false })
      await call('POST', path, { enabled: true })
      await fill(stream, await join())
      await call('PATCH', path, { upstream: `localhost:${server.port}` })
      await fill(stream, await join())
      await call('POST', '/populate', [{ name, listen, upstream: server.address }])
      await fill(stream, await join())
      await call('DELETE', path)
    })
  })

  test('gets every byte in order once it reads again, whatever was changed meanwhile', async () => {
    const { join, addAsIs, remove } = await lay()
    await addAsIs({ type: 'latency', attributes: { latency: 1 } })
    const { reader, writer } = await fill('downstream', await join())
    await addAsIs({ type: 'bandwidth', attributes: { rate: 10_000_000 } })
    await remove('latency_downstream')
    await remove('bandwidth_downstream')
    writer.socket.end('the end')
    reader.socket.resume()
    await whenEnded(reader, 'fin', 10_000)
    const received = reader.received()
    expect(received.length).toBe(writer.socket.bytesWritten)
    expect(received.subarray(-7).toString()).toBe('the end')
  })

  test.each(STREAMS)(
    '%s, without toxics: gets every byte, however small the pieces it was sent in',
    async stream => {
      const { join } = await lay()
      const { client, upstream } = await join()
      const [from, to] = stream === 'upstream' ? [client, upstream] : [upstream, client]
      const [writer, reader] = [patternedEnd(from.socket), patternedEnd(to.socket)]
      reader.socket.pause()
      for (let piece = 0; piece < 3_000; piece++) {
        writer.send(4_000)
        await new Promise(resolve => setImmediate(resolve))
      }
      reader.socket.resume()
      await eventually(() => expect(reader.receivedBytes).toBe(writer.sentBytes))
      expect(reader.isIntact).toBe(true)
    },
  )

  test('makes its writer wait: a long latency holds no more than its 1,024 chunks', async () => {
    const { join, addAsIs } = await lay()
    await addAsIs({ type: 'latency', attributes: { latency: 600_000 } })
    const { writer } = await fill('downstream', await join())
    const swallowed = writer.socket.bytesWritten - writer.socket.writableLength
    expect(swallowed).toBeGreaterThan(20_000_000)
    // With what the system may hold before and behind it, which is as much again.
    expect(swallowed).toBeLessThan(80_000_000)
  })
})

describe('an upstream that black-holes', () => {
  const opened: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of opened.splice(0)) await close()
  })

  /** A proxy before a black hole, and a client whose dial hangs. */
  async function hangingDial(): Promise<{ path: string; listen: string; hole: BlackHole }> {
    const hole = await openBlackHole()
    opened.push(hole.close)
    const name = `lab-${performance.now()}`
    const { text } = await ask('POST', '/proxies', { name, listen: '127.0.0.1:0', upstream: hole.address })
    opened.push(() => ask('DELETE', `/proxies/${name}`))
    const { listen } = JSON.parse(text) as { listen: string }
    await dial(listen)
    return { path: `/proxies/${name}`, listen, hole }
  }

  async function dial(address: string) {
    const end = await dialTcp(address)
    opened.push(() => end.socket.destroy())
    return end
  }

  test('keeps no call about toxics waiting, of any type', async () => {
    await expectPromptCalls(async timed => {
      const call = timedAsk(timed)
      const { path } = await hangingDial()
      for (const { type, stream, attributes } of CASES) {
        const name = `${type}-${stream}`
        await call('POST', `${path}/toxics`, { type, stream, attributes, name })
        await call('PATCH', `${path}/toxics/${name}`, { attributes })
        await call('GET', path)
        await call('DELETE', `${path}/toxics/${name}`)
      }
      await call('GET', '/proxies')
      await call('POST', '/reset')
    })
  })

  test.each([
    ['a disable', (path: string) => ['POST', path, { enabled: false }]],
    ['a delete', (path: string) => ['DELETE', path]],
    ['a new upstream', (path: string) => ['PATCH', path, { upstream: '127.0.0.1:9' }]],
  ])('keeps %s waiting neither, and its clients are closed', async (_what, callOf) => {
    await expectPromptCalls(async timed => {
      const { path, listen } = await hangingDial()
      const client = await dial(listen)
      await timedAsk(timed)(...(callOf(path) as [string, string, unknown]))
      await eventually(() => expect(client.ending).toBeDefined())
      await timedAsk(timed)('GET', '/proxies')
    })
  })

  test('keeps no other client of the proxy waiting', async () => {
    // The system may try the hanging dial again while the hole heals: a round in which it did shows nothing.
    let didHang = false
    for (let tries = 0; tries < 5 && !didHang; tries++) {
      await expectPromptCalls(async timed => {
        const { listen, hole } = await hangingDial()
        const hanging = await dial(listen)
        await hole.heal()
        await timed('another client', async () => whenReceived(await dial(listen), 5))
        didHang = hanging.received().length === 0
      })
    }
    expect(didHang).toBe(true)
  })
})

describe('a reset under way', () => {
  test.each(STREAMS)('%s: keeps no call waiting', async stream => {
    await expectPromptCalls(async timed => {
      const call = timedAsk(timed)
      const { name, join, addAsIs } = await lay()
      const path = `/proxies/${name}`
      await addAsIs({ type: 'reset_peer', name: 'reset', stream, attributes: { timeout: 60_000 } })
      const { client, upstream } = await join()
      const [writer, reader] = stream === 'upstream' ? [client, upstream] : [upstream, client]
      writer.socket.write('the data that is waited for')
      await quiet(50)
      expect(reader.received().length).toBe(0)
      await call('PATCH', `${path}/toxics/reset`, { attributes: { timeout: 50_000 } })
      await call('POST', `${path}/toxics`, { type: 'noop', stream })
      await call('GET', path)
      await call('DELETE', `${path}/toxics/reset`)
      await whenEnded(client, 'rst')
      await timed('a new connection', join)
      await call('DELETE', path)
    })
  })
})

test('half a call keeps no other waiting', async () => {
  const { port, hostname } = new URL(url())
  await expectPromptCalls(async timed => {
    const half = connect(Number(port), hostname).on('error', () => {})
    half.write('POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"name":')
    for (let calls = 0; calls < 5; calls++) await timedAsk(timed)('GET', '/proxies')
    half.destroy()
  })
})
