// What the embedded proxy does better than the real server, and what it does as a process.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'
import { eventually } from '../../support/eventually.ts'
import { dialTcp, listenTcp } from '../../support/tcp.ts'
import { quiet, useToxicLab, whenEnded, whenReceived } from '../../support/toxic-lab.ts'
import { apiUrl, SUBJECTS, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

/** "At once" for a control call on a busy machine; the real server answers such calls after 25 s, or never. */
const AT_ONCE_MS = 500

const { lay, toxiproxy, url } = useToxicLab(SUBJECTS[0]!)

async function expectAtOnce(act: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  await act()
  expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS)
}

describe('traffic under ever-changing toxics', () => {
  test('arrives whole and in order', async () => {
    const { join, addAsIs, update, remove } = await lay()
    const { client, upstream } = await join()
    const body = Buffer.from(Array.from({ length: 60_000 }, (_value, index) => `${index},`).join(''))
    const kinds = [
      { type: 'latency', attributes: { latency: 3, jitter: 3 } },
      { type: 'slicer', attributes: { average_size: 500, size_variation: 100, delay: 50 } },
      { type: 'bandwidth', attributes: { rate: 20_000 } },
      { type: 'slow_close', attributes: { delay: 5 } },
    ]
    const change = async () => {
      for (let round = 0; round < 40; round++) {
        const { type, attributes } = kinds[round % kinds.length]!
        const name = `${type}-${round}`
        await addAsIs({ type, name, attributes, toxicity: round % 3 === 0 ? 0.5 : 1 })
        if (round % 2 === 0) await update(name, { attributes })
        if (round >= 3) await remove(`${kinds[(round - 3) % kinds.length]!.type}-${round - 3}`)
      }
    }
    const send = async () => {
      for (let start = 0; start < body.length; start += 10_000) {
        upstream.socket.write(body.subarray(start, start + 10_000))
        await quiet(2)
      }
      upstream.socket.end()
    }
    await Promise.all([change(), send()])
    await whenEnded(client, 'fin', 10_000)
    expect(client.received().equals(body)).toBe(true)
  })
})

describe('values that no toxic can mean', () => {
  const absurd = [
    { type: 'slicer', attributes: {}, passes: true },
    { type: 'slicer', attributes: { average_size: 1, size_variation: 1_000_000 }, passes: true },
    { type: 'slicer', attributes: { average_size: -5, size_variation: -5, delay: -5 }, passes: true },
    { type: 'latency', attributes: { latency: -100, jitter: -100 }, passes: true },
    { type: 'latency', attributes: { latency: '9223372036854775807' }, passes: false },
    { type: 'latency', attributes: { jitter: '9223372036854775807' }, passes: false },
    { type: 'bandwidth', attributes: { rate: -1 }, passes: false },
    { type: 'bandwidth', attributes: { rate: '9223372036854775807' }, passes: true },
    { type: 'slow_close', attributes: { delay: '-9223372036854775808' }, passes: true },
    { type: 'timeout', attributes: { timeout: -1 }, passes: false },
    { type: 'reset_peer', attributes: { timeout: -1 }, passes: false },
    { type: 'limit_data', attributes: { bytes: '-9007199254740993' }, passes: false },
  ]

  test.each(absurd)('are echoed and do no harm: $type $attributes', async ({ type, attributes, passes }) => {
    const { name, join } = await lay()
    const exact = JSON.stringify(attributes).replaceAll(/"(-?\d+)"/g, '$1')
    const answer = await fetch(`${url()}/proxies/${name}/toxics`, {
      method: 'POST',
      body: `{"type":"${type}","attributes":${exact}}`,
    })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain(exact.slice(1, -1))

    const { client, upstream } = await join()
    upstream.socket.write('some bytes')
    if (passes) await whenReceived(client, 10)
    await expectAtOnce(() => toxiproxy().version())
  })

  test('are refused where the real server refuses them', async () => {
    const { addAsIs } = await lay()
    for (const latency of [1.5, '1', true, [1], { a: 1 }, 1e30]) {
      expect((await addAsIs({ type: 'latency', attributes: { latency } })).status).toBe(400)
    }
    expect((await addAsIs({ type: '__proto__' })).status).toBe(400)
  })
})

let child: Child | undefined
afterEach(async () => {
  await child?.kill()
  child = undefined
})
const lastWords = (...flags: string[]) =>
  startEmbeddedProxy(...flags).then(
    () => 'it started',
    (error: Error) => error.message,
  )

const proxiesOf = async (server: Child) => (await connectToxiproxy(apiUrl(server))).listProxies()

describe('the command line', () => {
  test('refuses a flag it does not know, and a port that is no port, in one line', async () => {
    expect(await lastWords('-prot', '1')).toMatch(
      /code 1 before .* it said: toxiproxy: unknown flag "-prot"; there is -host.*$/,
    )
    expect(await lastWords('-port', '70000')).toMatch(/code 1 .*: flag -port must be 0 to 65535, got 70000$/)
    expect(await lastWords('--port=x')).toMatch(
      /code 1 .*: flag -port must be a whole number of at most 64 bits, got "x"$/,
    )
  })

  test('is taken, or refused in one line with 1, whatever it is', async () => {
    const host = fc.constantFrom('localhost', '', '127.0.0.1', '::1', '8.8.8.8', '[', 'a:b')
    const number = fc.constantFrom('0', '-0', '65536', '-1', '1e3', '9'.repeat(99))
    const argument = fc.oneof(
      host.map(text => `-host=${text}`),
      number.map(text => `--port=${text}`),
      number.map(text => `-seed=${text}`),
      fc.constantFrom(
        '-config=/',
        '-config=no\nsuch\tfile',
        '-strict-values',
        '-proxy-metrics=true',
        '-port',
        '-',
      ),
      fc.string({ unit: 'binary' }).map(text => text.replaceAll('\0', '0')),
    )
    for (const args of fc.sample(fc.array(argument, { minLength: 1, maxLength: 3 }), {
      seed: 20_261_123,
      numRuns: 6,
    })) {
      const words = await startEmbeddedProxy(...args).then(
        started => started.stop().then(() => 'it started'),
        (error: Error) => error.message,
      )
      expect(words).toMatch(/^it started$|ended with code 1 before it was ready; it said: toxiproxy: [^\n]+$/)
    }
  })

  test('refuses a port in use in one line', async () => {
    const { port, close } = await listenTcp()
    expect(await lastWords('-port', `${port}`)).toMatch(
      /code 1 .*: cannot listen on localhost:\d+: the port is in use; .*$/,
    )
    await close()
  })

  test('tells its version and ends', async () => {
    expect(await lastWords('--version')).toMatch(/code 0 .*toxiproxy-server version 2\.12\.0$/)
  })

  test('tells its flags and ends', async () => {
    expect(await lastWords('-h')).toMatch(/code 0 .* -h +likewise$/s)
  })
})

describe('the process', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s, connections or not', async signal => {
    child = await startEmbeddedProxy()
    const server = await listenTcp()
    const control = await connectToxiproxy(apiUrl(child))
    const { listen } = await control.createProxy({
      name: 'p',
      listen: '127.0.0.1:0',
      upstream: server.address,
    })
    const client = await dialTcp(listen)
    process.kill(child.pid, signal)
    expect(await child.exited).toEqual({ code: 0, signal: null })
    await whenEnded(client, 'fin')
    client.socket.destroy()
    await server.close()
  })

  test('starts with the proxies of its configuration, and without those it cannot read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leeward-'))
    const file = join(folder, 'toxiproxy.json')
    await writeFile(file, '[{"name":"areas","listen":"127.0.0.1:0","upstream":"127.0.0.1:9"}]')
    child = await startEmbeddedProxy('-config', file)
    expect(await proxiesOf(child)).toMatchObject([{ name: 'areas', enabled: true }])
    await child.stop()
    child = await startEmbeddedProxy('-config', join(folder, 'absent.json'), '-seed', '7')
    expect(await proxiesOf(child)).toEqual([])
    await eventually(() => expect(child?.outputTail()).toContain('"message":"Error reading config file"'))
    await child.stop()
    await writeFile(file, '[{"name":"areas"}]')
    child = await startEmbeddedProxy('-config', file)
    expect(await proxiesOf(child)).toEqual([])
    const problem = '"error":"missing required field: upstream at proxy 1"'
    await eventually(() => expect(child?.outputTail()).toContain(problem))
    expect(child.outputTail()).toContain('"message":"Failed to populate proxies from file"')
    await rm(folder, { recursive: true })
  })

  test('writes what it starts with in the words of the real server', async () => {
    child = await startEmbeddedProxy()
    const lines = () =>
      child!
        .outputTail()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
    await eventually(() => expect(lines().length).toBeGreaterThanOrEqual(2))
    const [first, second] = lines()
    expect(first).toMatchObject({ level: 'info', version: '2.12.0', message: 'Starting Toxiproxy' })
    const address = `localhost:${child.ports.api}`
    expect(second).toMatchObject({ level: 'info', address, message: 'Starting Toxiproxy HTTP server' })
    expect(new Date(first.time).toISOString()).toBe(first.time)
  })

  test('goes on with a LOG_LEVEL that is none, and says so', async () => {
    const entry = join(import.meta.dirname, '../../../chaos/proxy/main.ts')
    child = await startChild({
      name: 'loud proxy',
      entry,
      args: ['-port', '0'],
      env: { ...process.env, LOG_LEVEL: 'loud' },
      readyWithinMs: 10_000,
    })
    await eventually(() => expect(child!.outputTail()).toContain('unknown LOG_LEVEL value: \\"loud\\"'))
  })

  test('ends when whoever started it has gone', async () => {
    const entry = join(import.meta.dirname, '../../../chaos/proxy/main.ts')
    const orphan = await startChild({ name: 'orphan', entry, args: ['-port', '0'], readyWithinMs: 10_000 })
    orphan.disconnect()
    expect(await orphan.exited).toEqual({ code: 0, signal: null })
  })

  test('counts bytes under the real names, only when asked to', async () => {
    child = await startEmbeddedProxy()
    expect((await fetch(`${apiUrl(child)}/metrics`)).status).toBe(404)
    await child.stop()
    child = await startEmbeddedProxy('-proxy-metrics', '-runtime-metrics')
    const server = await listenTcp(({ socket }) => socket.end('hello'))
    const control = await connectToxiproxy(apiUrl(child))
    const { listen } = await control.createProxy({
      name: 'p',
      listen: '127.0.0.1:0',
      upstream: server.address,
    })
    const client = await dialTcp(listen)
    await whenEnded(client, 'fin')
    const api = apiUrl(child)
    await eventually(async () => {
      const text = await (await fetch(`${api}/metrics`, { method: 'POST' })).text()
      const labels = `{direction="downstream",listener="${listen}",proxy="p",upstream="${server.address}"}`
      expect(text).toContain(`toxiproxy_proxy_received_bytes_total${labels} 5`)
      expect(text).toContain(`toxiproxy_proxy_sent_bytes_total${labels} 5`)
      expect(text).toContain('process_resident_memory_bytes')
    })
    client.socket.destroy()
    await server.close()
  })
})
