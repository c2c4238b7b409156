// What the embedded proxy has under -extensions, over real sockets; and that without it there is none of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Child } from '../../../chaos/supervise.ts'
import * as make from '../../../chaos/toxic.ts'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'
import { eventually } from '../../support/eventually.ts'
import type { End } from '../../support/tcp.ts'
import {
  EARLY_MS,
  expectDelay,
  LATE_MS,
  quiet,
  useToxicLab,
  whenEnded,
  whenReceived,
} from '../../support/toxic-lab.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

const { lay, toxiproxy, url } = useToxicLab({
  name: 'the embedded proxy with extensions',
  kind: 'embedded',
  async open() {
    const child = await startEmbeddedProxy('-extensions', '-seed', '7')
    return { kind: 'embedded', url: apiUrl(child), close: () => child.stop() }
  },
})

interface Counters {
  toxics: { connections: { acted_on: number; drawn_out: number } }[]
  connections: { number: number; age_ms: number; upstream: { received: number }; toxics: string[] }[]
}

async function countersOf(name: string): Promise<Counters> {
  return (await fetch(`${url()}/proxies/${name}/counters`)).json() as Promise<Counters>
}

/** How late each of so many answers of one byte is, one after the other. */
async function delaysOf({ client, upstream }: { client: End; upstream: End }, count: number) {
  const delays: number[] = []
  for (let sample = 0; sample < count; sample++) {
    const sentAt = performance.now()
    upstream.socket.write('x')
    delays.push((await whenReceived(client, sample + 1)) - sentAt)
  }
  return delays
}

describe('a latency drawn from a distribution', () => {
  test.each([
    ['normal', make.normalLatency({ meanMs: 60, deviationMs: 2 }), 45],
    ['log-normal', make.logNormalLatency({ medianMs: 60, p99Ms: 80 }), 40],
    ['Pareto', make.paretoLatency({ leastMs: 40, p99Ms: 200 }), 40],
    ['recorded', make.recordedLatency({ samplesMs: [40, 60, 80] }), 40],
  ])('delays each chunk by a draw of its own: %s', async (_, toxic, least) => {
    const { join } = await lay([toxic])
    const delays = await delaysOf(await join(), 12)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(least - EARLY_MS)
    expect(Math.max(...delays)).toBeLessThan(200 + LATE_MS)
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(1)
  })

  test('takes its new table at once when it is changed', async () => {
    const { join, update } = await lay([make.recordedLatency({ samplesMs: [600_000] })])
    const { client, upstream } = await join()
    upstream.socket.write('held')
    await quiet(50)
    expect(client.received().length).toBe(0)
    const changed = await update('latency_recorded_downstream', { attributes: { samples: [1, 2] } })
    expect(await changed.json()).toMatchObject({ attributes: { samples: [1, 2] } })
    await whenReceived(client, 4)
  })
})

describe('a shared bandwidth', () => {
  test('is one for all connections of the proxy: two take twice as long, and end together', async () => {
    const { join } = await lay([make.sharedBandwidth({ kilobytesPerSecond: 100 })])
    const [one, other] = [await join(), await join()]
    const sentAt = performance.now()
    one.upstream.socket.write(Buffer.alloc(20_000))
    other.upstream.socket.write(Buffer.alloc(20_000))
    const [oneMs, otherMs] = [
      (await whenReceived(one.client, 20_000)) - sentAt,
      (await whenReceived(other.client, 20_000)) - sentAt,
    ]
    expectDelay(Math.max(oneMs, otherMs), 400)
    // The first to end has had every other turn of 20 ms.
    expect(Math.min(oneMs, otherMs)).toBeGreaterThanOrEqual(380 - EARLY_MS)
  })

  test('is not the line of the other direction', async () => {
    const { join } = await lay([make.sharedBandwidth({ kilobytesPerSecond: 0 })])
    const { client, upstream } = await join()
    client.socket.write(Buffer.alloc(20_000))
    await whenReceived(upstream, 20_000)
  })

  test('of 0 holds everything, and forgets what was owed when it is changed', async () => {
    const { join, update } = await lay([make.sharedBandwidth({ kilobytesPerSecond: 0 })])
    const [one, other] = [await join(), await join()]
    one.upstream.socket.write(Buffer.alloc(1_000))
    other.upstream.socket.write(Buffer.alloc(1_000))
    await quiet(50)
    expect(one.client.received().length + other.client.received().length).toBe(0)
    await update('bandwidth_shared_downstream', { attributes: { rate: 1_000 } })
    // What was held has been let go of; what comes now is carried, and waits for nobody's debts.
    one.upstream.socket.write(Buffer.alloc(1_000))
    await whenReceived(one.client, 2_000, LATE_MS)
    await whenReceived(other.client, 1_000, LATE_MS)
  })
})

describe('a slow accept', () => {
  test('dials the upstream only after its delay; what the client has sent meanwhile is not lost', async () => {
    const { dial, server } = await lay([make.slowAccept({ delayMs: 150 })])
    const body = Buffer.from(Array.from({ length: 60_000 }, (_value, index) => `${index},`).join(''))
    const startedAt = performance.now()
    const client = await dial()
    expect(performance.now() - startedAt).toBeLessThan(150)
    client.socket.write(body)
    const upstream = await eventually(() => {
      expect(server.ends).toHaveLength(1)
      return server.ends[0]!
    })
    expectDelay(upstream.openedAt - startedAt, 150)
    await whenReceived(upstream, body.length)
    expect(upstream.received().equals(body)).toBe(true)
  })

  test('makes a client that sends much wait, too: little is read ahead', async () => {
    const { dial } = await lay([make.slowAccept({ delayMs: 600_000 })])
    const { socket } = await dial()
    const flood = 64 * 1024 * 1024
    socket.write(Buffer.alloc(flood))
    await quiet(500)
    // The rest of what has left is in the kernel.
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(flood / 2)
  })

  test('that is put on both streams is as long as both', async () => {
    const { dial, server } = await lay([
      make.slowAccept({ delayMs: 80 }),
      make.slowAccept({ delayMs: 80, stream: 'upstream' }),
    ])
    const startedAt = performance.now()
    await dial()
    await eventually(() => expect(server.ends).toHaveLength(1))
    expectDelay(server.ends[0]!.openedAt - startedAt, 160)
  })

  test.each([
    ['closes', (client: End) => client.socket.end('a question')],
    ['resets', (client: End) => client.socket.resetAndDestroy()],
  ])('of a client that %s meanwhile ends there: the upstream never hears of it', async (_, leave) => {
    const { name, dial, server } = await lay([make.slowAccept({ delayMs: 600_000 })])
    leave(await dial())
    await eventually(async () => expect((await countersOf(name)).connections).toEqual([]))
    await quiet(50)
    expect(server.ends).toEqual([])
  })

  test('closes its clients at once when the proxy is switched off', async () => {
    const { name, dial, server } = await lay([make.slowAccept({ delayMs: 600_000 })])
    const client = await dial()
    await toxiproxy().setEnabled(name, false)
    await whenEnded(client, 'fin', LATE_MS)
    expect(server.ends).toEqual([])
  })

  test('lets its clients in at once when it is removed, and when it is changed to less', async () => {
    const { dial, server, remove, add, update } = await lay([make.slowAccept({ delayMs: 600_000 })])
    await dial()
    await remove('slow_accept_downstream')
    await eventually(() => expect(server.ends).toHaveLength(1), LATE_MS)
    await add(make.slowAccept({ delayMs: 600_000 }))
    await dial()
    await update('slow_accept_downstream', { attributes: { delay: 1 } })
    await eventually(() => expect(server.ends).toHaveLength(2), LATE_MS)
  })

  test('that does not reach its upstream ends with a FIN, as ever', async () => {
    const { dial, server } = await lay([make.slowAccept({ delayMs: 50 })])
    await server.close()
    await whenEnded(await dial(), 'fin')
  })

  test('with a toxicity delays those of whom the counters say so, and no others', async () => {
    const { name, join } = await lay([make.slowAccept({ delayMs: 120, toxicity: 0.5 })])
    const wasSlow: boolean[] = []
    for (let count = 0; count < 10; count++) {
      const startedAt = performance.now()
      const { upstream } = await join()
      wasSlow.push(upstream.openedAt - startedAt >= 120 - EARLY_MS)
    }
    const { connections, toxics } = await countersOf(name)
    const acts = connections.map(({ toxics }) => toxics.length === 1)
    // One that was not delayed may have been late all the same; one that was cannot have been early.
    for (const [index, isSlow] of wasSlow.entries()) if (acts[index]) expect(isSlow).toBe(true)
    expect(acts).toContain(true)
    expect(acts).toContain(false)
    expect(wasSlow).toContain(false)
    const acted = acts.filter(Boolean).length
    expect(toxics[0]!.connections).toEqual({ acted_on: acted, drawn_out: 10 - acted })
  })
})

describe('close_after', () => {
  test('closes a busy connection for both ends, that long after it began', async () => {
    const { join } = await lay([make.closeAfter({ afterMs: 300 })])
    const startedAt = performance.now()
    const { client, upstream } = await join()
    const isOver = () => client.endedAt !== undefined && upstream.endedAt !== undefined
    while (!isOver() && performance.now() - startedAt < 5_000) {
      upstream.socket.write('tick')
      await quiet(10)
    }
    expectDelay(client.endedAt! - startedAt, 300)
    expectDelay(upstream.endedAt! - startedAt, 300)
    expect(client.received().length).toBeGreaterThan(4)
  })

  test('closes an idle one, too, and one that has grown old before it came', async () => {
    const { join, add } = await lay()
    const { client, upstream } = await join()
    await quiet(60)
    await add(make.closeAfter({ afterMs: 50, stream: 'upstream' }))
    await whenEnded(client, 'fin', LATE_MS)
    await whenEnded(upstream, 'fin', LATE_MS)
    const startedAt = performance.now()
    const next = await join()
    expectDelay((await whenEnded(next.client, 'fin')) - startedAt, 50)
  })

  test('closes the server of a client that has stopped reading', async () => {
    const { join } = await lay([make.closeAfter({ afterMs: 300 })])
    const startedAt = performance.now()
    const { client, upstream } = await join()
    client.socket.pause()
    upstream.socket.write(Buffer.alloc(32 * 1024 * 1024))
    await eventually(() => expect(upstream.endedAt).toBeDefined())
    expectDelay(upstream.endedAt! - startedAt, 300)
  })
})

describe('the counters of a proxy', () => {
  test('tell what each toxic and each open connection has had, and what waits', async () => {
    const { name, join } = await lay([
      make.latency({ latencyMs: 600_000, stream: 'upstream' }),
      make.limitData({ bytes: 5 }),
    ])
    const { client, upstream } = await join()
    client.socket.write('question')
    upstream.socket.write('abc')
    await whenReceived(client, 3)
    const counters = await eventually(async () => {
      const counters = await countersOf(name)
      expect(counters.connections[0]!.upstream.received).toBe(8)
      return counters
    })
    expect(counters).toEqual({
      toxics: [
        {
          name: 'latency_upstream',
          type: 'latency',
          connections: { acted_on: 1, drawn_out: 0 },
          chunks: { in: 1, out: 0 },
          bytes: { in: 8, out: 0 },
        },
        {
          name: 'limit_data_downstream',
          type: 'limit_data',
          connections: { acted_on: 1, drawn_out: 0 },
          chunks: { in: 1, out: 1 },
          bytes: { in: 3, out: 3 },
        },
      ],
      connections: [
        {
          number: 1,
          client: `127.0.0.1:${client.socket.localPort}`,
          age_ms: expect.any(Number),
          upstream: { received: 8, sent: 0, waiting: 8 },
          downstream: { received: 3, sent: 3, waiting: 0 },
          toxics: ['latency_upstream', 'limit_data_downstream'],
        },
      ],
    })
    expect(counters.connections[0]!.age_ms).toBeLessThan(5_000)
  })

  test('forget a connection when it has closed, and remember what its toxics did', async () => {
    const { name, join } = await lay([make.noop()])
    const { client } = await join()
    client.socket.destroy()
    const second = await join()
    await eventually(async () => {
      const { connections, toxics } = await countersOf(name)
      expect(connections.map(({ number }) => number)).toEqual([2])
      expect(toxics[0]!.connections.acted_on).toBe(2)
    })
    second.client.socket.destroy()
  })

  test('show a client that is kept waiting, and by what', async () => {
    const { name, dial } = await lay([make.slowAccept({ delayMs: 600_000 })])
    await dial()
    const { connections } = await countersOf(name)
    expect(connections).toMatchObject([{ number: 1, toxics: ['slow_accept_downstream'] }])
  })

  test('of a proxy that is not there are not found', async () => {
    const answer = await fetch(`${url()}/proxies/nobody/counters`)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ error: 'proxy not found', status: 404 })
  })
})

describe('a server', () => {
  test('says which extensions it has', async () => {
    const answer = await fetch(`${url()}/extensions`)
    expect(answer.status).toBe(200)
    const { toxics } = (await answer.json()) as { toxics: object[] }
    expect(toxics).toContainEqual({ type: 'latency_log_normal', attributes: ['median', 'p99'] })
    expect(toxics).toHaveLength(7)
    expect(await toxiproxy().extensions()).toContain('close_after')
  })

  test('refuses attributes of the wrong type in the real words', async () => {
    const { addAsIs } = await lay()
    for (const [samples, problem] of [
      [
        '5',
        'cannot unmarshal string into Go struct field LatencyRecordedToxic.attributes.samples of type []int64',
      ],
      [
        [1, 'x'],
        'cannot unmarshal string into Go struct field LatencyRecordedToxic.attributes.samples of type int64',
      ],
      [
        [1.5],
        'cannot unmarshal number 1.5 into Go struct field LatencyRecordedToxic.attributes.samples of type int64',
      ],
    ] as const) {
      const answer = await addAsIs({ type: 'latency_recorded', attributes: { samples } })
      expect(await answer.json()).toEqual({ error: `bad request body: json: ${problem}`, status: 400 })
    }
  })
})

let own: Child | undefined
afterEach(async () => {
  await own?.stop()
  own = undefined
})

async function startOwn(...flags: string[]): Promise<string> {
  own = await startEmbeddedProxy(...flags)
  return apiUrl(own)
}

const post = (to: string, body: unknown) => fetch(to, { method: 'POST', body: JSON.stringify(body) })
const entry = (name: string, more: object = {}) => ({
  name,
  listen: '127.0.0.1:0',
  upstream: '127.0.0.1:9',
  ...more,
})

describe('toxics in populate', () => {
  /** The entry again, at the address that it was given: so it is left alone. */
  async function populated(api: string, toxics?: unknown) {
    const created = await post(`${api}/populate`, [entry('p', { toxics })])
    expect(created.status).toBe(201)
    const [proxy] = ((await created.json()) as { proxies: { listen: string; toxics: object[] }[] }).proxies
    const again = async (toxics?: unknown) => {
      const answer = await post(`${api}/populate`, [entry('p', { listen: proxy!.listen, toxics })])
      const { proxies } = (await answer.json()) as { proxies: { toxics: { name: string }[] }[] }
      return proxies[0]!.toxics
    }
    return { proxy: proxy!, again }
  }
  const names = (toxics: { name: string }[]) => toxics.map(({ name }) => name)

  test('are there with the proxy, in their order', async () => {
    const { proxy } = await populated(await startOwn('-extensions'), [
      { type: 'latency', attributes: { latency: 5 } },
      { type: 'close_after', name: 'old age', stream: 'upstream', toxicity: 0.5, attributes: { after: 100 } },
    ])
    expect(proxy.toxics).toEqual([
      {
        attributes: { after: 100 },
        name: 'old age',
        type: 'close_after',
        stream: 'upstream',
        toxicity: 0.5,
      },
      {
        attributes: { latency: 5, jitter: 0 },
        name: 'latency_downstream',
        type: 'latency',
        stream: 'downstream',
        toxicity: 1,
      },
    ])
  })

  test('take the place of those of a proxy that is left alone; none named, they stay; none wanted, they go', async () => {
    const { again } = await populated(await startOwn('-extensions'), [{ type: 'latency' }, { type: 'noop' }])
    expect(names(await again())).toEqual(['latency_downstream', 'noop_downstream'])
    expect(names(await again(null))).toEqual(['latency_downstream', 'noop_downstream'])
    expect(names(await again([{ type: 'slicer' }]))).toEqual(['slicer_downstream'])
    expect(names(await again([]))).toEqual([])
  })

  test('that are there already disturb no connection', async () => {
    const { server, listen, name, join } = await lay([make.timeout({ timeoutMs: 0 }), make.noop()])
    const { client } = await join()
    const again = (toxics: object[]) =>
      post(`${url()}/populate`, [{ name, listen, upstream: server.address, toxics }])
    await again([{ type: 'timeout' }, { type: 'noop' }])
    await quiet(50)
    expect(client.ending).toBeUndefined()
    await again([{ type: 'noop' }])
    await whenEnded(client, 'fin')
  })

  test.each([
    [[{ type: 'noop' }, { type: 'x' }], 'invalid toxic type at proxy 2, toxic 2'],
    [
      [{ type: 'noop', stream: 'up' }],
      'stream was invalid, can be either upstream or downstream at proxy 2, toxic 1',
    ],
    [[{ type: 'noop' }, { type: 'noop' }], 'toxic already exists at proxy 2, toxic 2'],
    [
      'noop',
      'bad request body: json: cannot unmarshal string into Go struct field Proxy.toxics of type []toxics.ToxicWrapper at proxy 2',
    ],
    [
      [5],
      'bad request body: json: cannot unmarshal number into Go value of type toxics.ToxicWrapper at proxy 2, toxic 1',
    ],
  ])('that are wrong are told with their place before anything is done: %j', async (toxics, error) => {
    const answer = await post(`${url()}/populate`, [entry('a'), entry('b', { toxics })])
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(await answer.json()).toEqual({ error, status: 400, proxies: null })
    expect((await toxiproxy().listProxies()).map(({ name }) => name)).not.toContain('a')
  })

  test('that were put in under a lease go with it', async () => {
    const { server, listen, name } = await lay()
    const created = await post(`${url()}/leases`, { ttl_ms: 60_000 })
    const { id } = (await created.json()) as { id: string }
    await fetch(`${url()}/populate`, {
      method: 'POST',
      headers: { 'x-lease-id': id },
      body: JSON.stringify([{ name, listen, upstream: server.address, toxics: [{ type: 'noop' }] }]),
    })
    expect(await toxiproxy().getProxy(name)).toMatchObject({ toxics: ['noop_downstream'] })
    await fetch(`${url()}/leases/${id}`, { method: 'DELETE' })
    expect(await toxiproxy().getProxy(name)).toMatchObject({ toxics: [] })
  })

  test('are there from the configuration file, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leeward-'))
    const file = join(folder, 'toxiproxy.json')
    await writeFile(file, JSON.stringify([entry('areas', { toxics: [{ type: 'noop' }] })]))
    const api = await startOwn('-extensions', '-config', file)
    const control = await connectToxiproxy(api)
    expect(await control.listProxies()).toMatchObject([{ name: 'areas', toxics: ['noop_downstream'] }])
    await rm(folder, { recursive: true })
  })
})

describe('values of an extension that make no sense', () => {
  const senseless = { type: 'latency_pareto', attributes: { least: 100, p99: 50 } }

  test('are kept, with a warning', async () => {
    const api = await startOwn('-extensions')
    await post(`${api}/proxies`, entry('p'))
    expect((await post(`${api}/proxies/p/toxics`, senseless)).status).toBe(200)
    await eventually(() =>
      expect(own!.outputTail()).toContain(
        'latency_pareto_downstream: p99 must be at least least, got 50 and 100',
      ),
    )
  })

  test('are refused under -strict-values, in populate with their place', async () => {
    const api = await startOwn('-extensions', '-strict-values')
    await post(`${api}/proxies`, entry('p'))
    const added = await post(`${api}/proxies/p/toxics`, senseless)
    expect(await added.json()).toEqual({ error: 'p99 must be at least least, got 50 and 100', status: 400 })
    const filled = await post(`${api}/populate`, [entry('q', { toxics: [senseless] })])
    expect(await filled.json()).toMatchObject({
      error: 'p99 must be at least least, got 50 and 100 at proxy 1, toxic 1',
    })
  })
})

describe('without -extensions', () => {
  /** Everything that can be seen of an answer, but what differs each time. */
  async function seen(answer: Response) {
    const headers = [...answer.headers].filter(([name]) => !/^(date|x-toxiproxy-request-id)$/.test(name))
    return { status: answer.status, headers, body: await answer.text() }
  }

  test('every one of them is answered as the real server would', async () => {
    const api = await startOwn()
    await post(`${api}/proxies`, entry('p'))
    const unknown = await seen(await post(`${api}/proxies/p/toxics`, { type: 'nonsense' }))
    expect(unknown).toMatchObject({ status: 400, body: '{"error":"invalid toxic type","status":400}\n' })
    for (const toxic of [
      make.normalLatency({ meanMs: 1, deviationMs: 1 }),
      make.logNormalLatency({ medianMs: 1, p99Ms: 2 }),
      make.paretoLatency({ leastMs: 1, p99Ms: 2 }),
      make.recordedLatency({ samplesMs: [1] }),
      make.sharedBandwidth({ kilobytesPerSecond: 1 }),
      make.slowAccept({ delayMs: 1 }),
      make.closeAfter({ afterMs: 1 }),
    ]) {
      expect(await seen(await post(`${api}/proxies/p/toxics`, toxic))).toEqual(unknown)
    }
    const nowhere = await seen(await fetch(`${api}/nonsense`))
    expect(nowhere).toMatchObject({ status: 404, body: '404 page not found\n' })
    expect(await seen(await fetch(`${api}/extensions`))).toEqual(nowhere)
    expect(await seen(await fetch(`${api}/proxies/p/counters`))).toEqual(nowhere)
    expect(await (await connectToxiproxy(api)).extensions()).toEqual([])
  })

  test.each([[[{ type: 'noop' }]], ['nonsense'], [[{ type: 'nonsense' }]]])(
    'toxics in populate are ignored, whatever they are: %j',
    async toxics => {
      const api = await startOwn()
      const answer = await post(`${api}/populate`, [entry('p', { toxics })])
      expect(answer.status).toBe(201)
      expect(await answer.json()).toMatchObject({ proxies: [{ name: 'p', toxics: [] }] })
    },
  )
})
