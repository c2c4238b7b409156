// Work that need not wait for anything - tiny slices, floods, huge bodies - keeps no control call waiting either.
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { expectPromptCalls, type Timed } from '../../support/prompt-calls.ts'
import { useToxicLab } from '../../support/toxic-lab.ts'
import { SUBJECTS } from '../../support/toxiproxy-subject.ts'

const CONNECTIONS = 20
const FLOOD = Buffer.alloc(4 * 1024 * 1024)

const { lay, ask, url } = useToxicLab(SUBJECTS[0]!)

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

function open(address: string): Socket {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = connect(Number(port), hostname).on('error', () => {})
  sockets.push(socket)
  return socket
}

/** Twenty clients that are sent 4 MiB each, and throw them away. */
async function flood(toxics: unknown[]) {
  const { name, listen, addAsIs } = await lay([], ({ socket }) => socket.write(FLOOD))
  for (const toxic of toxics) await addAsIs(toxic)
  for (let connection = 0; connection < CONNECTIONS; connection++) open(listen).resume()
  return `/proxies/${name}`
}

/** The calls of a person at the controls, over and over; they count by their slowest. */
async function controlCalls(timed: Timed, proxyPath: string, rounds = 5) {
  const call = (method: string, path: string, body?: unknown) =>
    timed('a call', () => ask(method, path, body))
  for (let round = 0; round < rounds; round++) {
    await call('GET', '/version')
    await call('GET', proxyPath)
    await call('POST', `${proxyPath}/toxics`, { type: 'noop', name: 'touched' })
    await call('DELETE', `${proxyPath}/toxics/touched`)
  }
}

const many = (count: number, toxic: object) =>
  Array.from({ length: count }, (_value, index) => ({ ...toxic, name: `toxic-${index}` }))
const slicer = (average_size: number) => ({ type: 'slicer', attributes: { average_size } })

describe('twenty connections under a flood', () => {
  test.each([
    ['slices of a byte', [slicer(1)]],
    ['slices of a byte, cut by ten slicers', many(10, slicer(1))],
    ['slices of a byte, each looked at by 200 toxics', [slicer(1), ...many(200, { type: 'noop' })]],
    ['1,000 toxics that pass it', many(1_000, { type: 'noop' })],
    ['1,000 latencies of nothing', many(1_000, { type: 'latency' })],
  ])('of %s keep no call waiting', async (_what, toxics) => {
    const path = await flood(toxics)
    await expectPromptCalls(timed => controlCalls(timed, path))
    await expectPromptCalls(async timed => {
      await timed('DELETE', () => ask('DELETE', path))
    })
  })
})

describe('a proxy of 2,000 toxics and four connections', () => {
  async function crowded() {
    const { name, addAsIs, join } = await lay()
    for (const toxic of many(2_000, { type: 'noop' })) await addAsIs(toxic)
    for (let connection = 0; connection < 4; connection++) await join()
    return { path: `/proxies/${name}`, join }
  }

  test('is shown, changed and reset like any other', async () => {
    const { path, join } = await crowded()
    await expectPromptCalls(async timed => {
      await controlCalls(timed, path)
      await timed('a new connection', join)
    })
    await expectPromptCalls(async (timed, round) => {
      if (round > 0) await crowded()
      await timed('POST /reset', () => ask('POST', '/reset'))
    })
  })
})

describe('no call waits behind', () => {
  /** Sends it without waiting for the answer, and calls others meanwhile. */
  async function expectOthersPrompt(send: () => Promise<unknown>) {
    const { name } = await lay()
    await expectPromptCalls(async timed => {
      const answer = send()
      await controlCalls(timed, `/proxies/${name}`)
      await answer
    })
  }

  test('1,000 proxies at once, which are there in the end', async () => {
    const entries = Array.from({ length: 1_000 }, (_value, index) => ({
      name: `many-${index}`,
      listen: '127.0.0.1:0',
      upstream: '127.0.0.1:9',
    }))
    await expectOthersPrompt(() => ask('POST', '/populate', entries))
    for (const { name } of entries) expect((await ask('DELETE', `/proxies/${name}`)).status).toBe(204)
  })

  const big = 250_000 // bytes; the longest body that is read has 256 KiB
  test.each([
    ['a long name', 201, `[{"name":"${'x'.repeat(big)}","upstream":"x","enabled":false}]`],
    ['a list of numbers', 400, `[${'1,'.repeat(big / 2)}1]`],
    ['a list of objects', 400, `[${'{},'.repeat(big / 3)}{}]`],
    ['a number of a quarter of a million digits', 400, `[{"name":"x","upstream":${'9'.repeat(big)}}]`],
    ['100,000 pairs of brackets', 400, '['.repeat(100_000) + ']'.repeat(100_000)],
    ['100,000 open brackets', 400, '['.repeat(100_000)],
  ])('%s, answered with %i', async (_what, status, body) => {
    await expectOthersPrompt(async () => expect((await ask('POST', '/populate', body)).status).toBe(status))
    await ask('DELETE', `/proxies/${'x'.repeat(big)}`)
  })

  test('64 MiB, which are refused before they are read', async () => {
    const body = '[1,{},'.repeat(11_000_000)
    await expectOthersPrompt(async () => {
      const refusal = await ask('POST', '/populate', body).catch((error: Error) => error.message)
      // Whoever still sends when it is refused may see no more than the end of the connection.
      expect(refusal).toEqual(expect.toSatisfy(answer => answer === 'fetch failed' || answer.status === 413))
    })
  })

  test('an integer of a quarter of a million digits', async () => {
    const { addAsIs } = await lay()
    const body = `{"type":"latency","attributes":{"latency":${'9'.repeat(big)}}}`
    await expectOthersPrompt(() => addAsIs(body))
  })

  test('10,000 calls at once from a client that reads no answer', async () => {
    const { host } = new URL(url())
    await expectOthersPrompt(async () => {
      open(host).pause().write('GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10_000))
    })
  })
})
