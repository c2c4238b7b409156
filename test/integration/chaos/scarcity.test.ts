// What the embedded proxy does when something runs out: file descriptors, readers of its log, answers to names.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'
import { eventually } from '../../support/eventually.ts'
import { dialTcp, type End, listenTcp } from '../../support/tcp.ts'
import { whenReceived } from '../../support/toxic-lab.ts'

const ENTRY = join(import.meta.dirname, '../../../chaos/proxy/main.ts')

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** Under a shell, which can take from it what it needs; nobody reads its log unless `log` says so. */
async function startUnder(shell: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn('/bin/sh', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ENTRY, '-port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  })
  const exited = once(child, 'exit')
  opened.push(async () => {
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
  const [{ ports }] = (await once(child, 'message')) as [{ ports: { api: number } }]
  return { url: `http://127.0.0.1:${ports.api}`, child }
}

test('out of file descriptors it closes whom it cannot serve, and serves again when there are some', async () => {
  const { url } = await startUnder('ulimit -n 60')
  const server = await listenTcp(({ socket }) => socket.write('hello'))
  opened.push(server.close)
  const control = await connectToxiproxy(url)
  const { listen } = await control.createProxy({ name: 'p', listen: '127.0.0.1:0', upstream: server.address })
  const clients: End[] = []
  for (let client = 0; client < 100; client++) clients.push(await dialTcp(listen))
  const { host } = new URL(url)
  const callers: End[] = []
  for (let caller = 0; caller < 20; caller++) callers.push(await dialTcp(host))
  await eventually(() =>
    expect(clients.every(end => end.ending !== undefined || end.received().length > 0)).toBe(true),
  )
  expect(clients.some(end => end.ending !== undefined)).toBe(true)
  for (const { socket } of [...clients, ...callers]) socket.destroy()

  await eventually(async () => {
    const late = await dialTcp(listen)
    opened.push(() => late.socket.destroy())
    await whenReceived(late, 5, 100)
  })
  expect(await control.listProxies()).toMatchObject([{ name: 'p', enabled: true }])
})

test('with a log that nobody reads it goes on, and ends when it is told to', async () => {
  const { url } = await startUnder(':')
  const name = 'n'.repeat(10_000)
  await fetch(`${url}/proxies`, { method: 'POST', body: '{"name":"p","upstream":"x","enabled":false}' })
  const toxic = JSON.stringify({ name, type: 'slicer' })
  await fetch(`${url}/proxies/p/toxics`, { method: 'POST', body: toxic })
  for (let warning = 0; warning < 300; warning++) {
    const answer = await fetch(`${url}/proxies/p/toxics/${name}`, { method: 'PATCH', body: '{}' })
    expect(answer.status).toBe(200)
    await answer.body?.cancel()
  }
})

describe('names that do not resolve', () => {
  test.runIf(existsSync('/proc/self/task'))('leave threads for those that do', async () => {
    const { url, child } = await startUnder(':')
    const body = '{"name":"p","listen":"localhost:0","upstream":"x"}'
    expect((await fetch(`${url}/proxies`, { method: 'POST', body })).status).toBe(201)
    // libuv gives half of them to names; of its four that would be two.
    expect(readdirSync(`/proc/${child.pid}/task`).length).toBeGreaterThan(64)
  })
})
