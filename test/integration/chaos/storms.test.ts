// Random sequences of everything that the API and the ends of connections can do, held against a small model.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiModel, createApiModel } from '../../support/api-model.ts'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-ports.ts'
import { type PatternedEnd, patternedEnd } from '../../support/patterned-end.ts'
import { anyProxyName, at, proxyCalls, type StormCall, toxicCalls } from '../../support/storm-calls.ts'
import { residentMebibytes, useWatchedProxy } from '../../support/watched-proxy.ts'

const hasProc = existsSync('/proc/self/fd')
const SEED = 20_261_123
const STEPS = { maxCommands: 100, size: 'max' } as const

const { ask, expectSound, pid, sockets } = useWatchedProxy()

interface Connection {
  client: PatternedEnd
  server: PatternedEnd
}

let upstream: Server
const accepted: PatternedEnd[] = []
let ports: number[] = []
let socketsBefore = 0
beforeAll(async () => {
  upstream = createServer({ allowHalfOpen: true }, socket => accepted.push(patternedEnd(socket)))
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  ports = await freePorts(3)
  if (hasProc) socketsBefore = sockets()
})
afterAll(() => upstream.close())
const places = {
  alive: () => `127.0.0.1:${(upstream.address() as { port: number }).port}`,
  port: (index: number) => ports[index]!,
}

type Step = fc.AsyncCommand<ApiModel, Connection[]>
const step = (text: string, run: Step['run']): Step => ({ check: () => true, run, toString: () => text })

/** One after the other: each answer, and the listing after it, are the model's. */
const inOrder = (calls: fc.Arbitrary<StormCall>) =>
  calls.map(({ text, expected, ...call }) =>
    step(text, async model => {
      const answer = await ask(call.method, call.path, call.body)
      expect(answer.status, answer.text).toBe(expected(model))
      expect(JSON.parse((await ask('GET', '/proxies')).text)).toEqual(model.listing())
    }),
  )

/** All at once: nobody knows in which order, so the model learns what came of it. */
const atOnce = (calls: fc.Arbitrary<StormCall>) =>
  fc.array(calls, { minLength: 2, maxLength: 8 }).map(together =>
    step(`at once: ${together.map(({ text }) => text).join(' & ')}`, async model => {
      const answers = await Promise.all(together.map(({ method, path, body }) => ask(method, path, body)))
      for (const { status, text } of answers) {
        if (status === 500) expect(text).toMatch(/listen tcp|missing port/)
        else expect([200, 201, 204, 400, 404, 409]).toContain(status)
      }
      model.adopt(JSON.parse((await ask('GET', '/proxies')).text))
    }),
  )

/** Only where somebody listens, of course. */
const dial = (names: fc.Arbitrary<string>) =>
  names.map(name =>
    step(`connect to ${name}`, async (model, connections) => {
      const listing = model.listing() as Record<
        string,
        { enabled: boolean; listen: string; upstream: string }
      >
      const proxy = Object.hasOwn(listing, name) ? listing[name] : undefined
      if (!proxy?.enabled) return
      const [host, port] = proxy.listen.split(':') as [string, string]
      const before = accepted.length
      const socket = connect({ host, port: Number(port), allowHalfOpen: true })
      await once(socket, 'connect')
      const client = patternedEnd(socket)
      if (proxy.upstream === places.alive()) {
        const server = await eventually(() => accepted[before] ?? expect.fail('nobody dialled'))
        connections.push({ client, server })
      } else await eventually(() => expect(client.isOver).toBe(true))
    }),
  )

const acts: Record<string, (end: PatternedEnd, bytes: number) => void> = {
  send: (end, bytes) => end.send(bytes),
  'stop reading': end => end.socket.pause(),
  'read again': end => end.socket.resume(),
  end: end => end.socket.end(),
  reset: end => end.socket.resetAndDestroy(),
}
const anyAct = fc.oneof(
  { weight: 20, arbitrary: fc.constant('send') },
  { weight: 4, arbitrary: fc.constantFrom('stop reading', 'read again') },
  { weight: 1, arbitrary: fc.constantFrom('end', 'reset') },
)
const anySize = fc.constantFrom(1, 100, 10_000, 100_000, 1_000_000)
const traffic = fc
  .tuple(fc.nat(9), fc.constantFrom<keyof Connection>('client', 'server'), anyAct, anySize, fc.boolean())
  .map(([index, side, act, bytes, waits]) =>
    step(
      `${side} ${index}: ${act} ${act === 'send' ? bytes : ''}${waits ? ', wait' : ''}`,
      async (_model, all) => {
        const connection = all.at(-1 - (index % Math.max(1, all.length)))
        if (connection !== undefined) acts[act]?.(connection[side], bytes)
        // Now and then it is on its way before the next step.
        if (waits) await new Promise(resolve => setTimeout(resolve, 1))
      },
    ),
  )

/** Everything has arrived, or the connection is over for both. */
function expectSettled({ client, server }: Connection): void {
  expect([client.isIntact, server.isIntact]).toEqual([true, true])
  expect(client.isOver).toBe(server.isOver)
  if (client.isOver) return
  expect([client.receivedBytes, server.receivedBytes]).toEqual([server.sentBytes, client.sentBytes])
}

/** After the storm every toxic goes, everybody reads, and all that is not lost arrives; then the proxies go. */
async function calmDown(connections: Connection[]): Promise<void> {
  const proxies: Record<string, { toxics: { name: string }[] }> = JSON.parse(
    (await ask('GET', '/proxies')).text,
  )
  for (const [proxy, { toxics }] of Object.entries(proxies)) {
    for (const { name } of toxics) await ask('DELETE', `${at(proxy)}/toxics/${encodeURIComponent(name)}`)
  }
  const ends = connections.flatMap(({ client, server }) => [client, server])
  for (const { socket } of ends) socket.resume()
  await eventually(() => connections.forEach(expectSettled))
  for (const proxy of Object.keys(proxies)) expect((await ask('DELETE', at(proxy))).status).toBe(204)
  await eventually(() => expect(ends.every(({ isOver }) => isOver)).toBe(true))
}

async function expectWeathered(
  steps: fc.Arbitrary<Step>[],
  numRuns: number,
  first: StormCall[] = [],
): Promise<void> {
  const storm = fc.asyncProperty(fc.commands(steps, STEPS), async sequence => {
    const connections: Connection[] = []
    const model = createApiModel()
    for (const { method, path, body, expected } of first) {
      expect((await ask(method, path, body)).status).toBe(expected(model))
    }
    try {
      await fc.asyncModelRun(() => ({ model, real: connections }), sequence)
      await calmDown(connections)
      await expectSound()
    } finally {
      for (const { client, server } of connections) {
        client.socket.destroy()
        server.socket.destroy()
      }
      for (const proxy of Object.keys(JSON.parse((await ask('GET', '/proxies')).text)))
        await ask('DELETE', at(proxy))
    }
  })
  await fc.assert(storm, { seed: SEED, numRuns })
}

describe('no random sequence ends the process, loses a byte or gets another answer than the model:', () => {
  const anyCall = fc.oneof(proxyCalls(places), toxicCalls(anyProxyName))

  test('calls about everything, with some traffic', async () => {
    const steps = [
      inOrder(anyCall),
      inOrder(anyCall),
      inOrder(anyCall),
      atOnce(anyCall),
      dial(anyProxyName),
      traffic,
    ]
    await expectWeathered(steps, 15)
  })

  test('traffic of many connections under ever-changing toxics', async () => {
    const only = fc.constant('stormy')
    const calls = toxicCalls(only)
    const steps = [inOrder(calls), atOnce(calls), dial(only), traffic, traffic, traffic, traffic, traffic]
    const entry = { name: 'stormy', listen: `127.0.0.1:${ports[0]}`, upstream: places.alive() }
    const create = {
      text: 'create',
      method: 'POST',
      path: '/proxies',
      body: entry,
      expected: (model: ApiModel) => model.create(entry),
    }
    await expectWeathered(steps, 30, [create])
  })
})

test.runIf(hasProc)('after the storms no connection is left, and the memory is given back', async () => {
  await eventually(() => expect(sockets()).toBe(socketsBefore))
  expect(residentMebibytes(pid())).toBeLessThan(400)
})
