// One embedded proxy for a whole file of abuse, and the question whether it is still sound.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { afterAll, beforeAll, expect } from 'vitest'
import type { Child } from '../../chaos/supervise.ts'
import { eventually } from './eventually.ts'
import { dialTcp, listenTcp, type TcpServer } from './tcp.ts'
import { useToxicLab } from './toxic-lab.ts'
import { apiUrl, startEmbeddedProxy } from './toxiproxy-subject.ts'

/** The same process serves every test of the file. */
export function useWatchedProxy(...flags: string[]) {
  let child: Child
  let echo: TcpServer
  const lab = useToxicLab({
    name: 'the embedded proxy',
    kind: 'embedded',
    async open() {
      child = await startEmbeddedProxy(...flags)
      return { kind: 'embedded', url: apiUrl(child), close: () => child.stop() }
    },
  })
  beforeAll(async () => {
    echo = await listenTcp(({ socket }) => socket.pipe(socket))
  })
  afterAll(() => echo.close())

  /** It lives, answers, has met no fault of its own, and a fresh proxy passes bytes both ways. */
  async function expectSound(): Promise<void> {
    expect(child.outputTail()).not.toContain('fault of the proxy')
    expect((await lab.ask('GET', '/proxies')).status).toBe(200)
    const entry = { name: 'sound?', listen: '127.0.0.1:0', upstream: echo.address }
    const created = await lab.ask('POST', '/proxies', entry)
    expect(created.status, created.text).toBe(201)
    const client = await dialTcp(JSON.parse(created.text).listen)
    client.socket.write('there and back')
    await eventually(() => expect(client.received().toString()).toBe('there and back'))
    client.socket.destroy()
    expect((await lab.ask('DELETE', '/proxies/sound%3F')).status).toBe(204)
  }

  return {
    ...lab,
    expectSound,
    pid: () => child.pid,
    /** Of connections and listeners; those of the API do not count. Linux only. */
    sockets: () => openSockets(child.pid, child.ports.api!),
    log: () => child.outputTail(),
  }
}

/** How many sockets the process has open, without those on this port of its own. Linux only. */
function openSockets(pid: number, exceptPort: number): number {
  const hexPort = exceptPort.toString(16).toUpperCase().padStart(4, '0')
  const ofPort = new RegExp(`^ *\\d+: [0-9A-F]+:${hexPort} (?:\\S+ +){7}(\\d+) `, 'gm')
  const excepted = new Set(
    [...readFileSync(`/proc/${pid}/net/tcp`, 'utf8').matchAll(ofPort)].map(match => match[1]),
  )
  const inodes = readdirSync(`/proc/${pid}/fd`).map(
    fd => /^socket:\[(\d+)\]$/.exec(targetOf(`/proc/${pid}/fd/${fd}`))?.[1],
  )
  return inodes.filter(inode => inode !== undefined && !excepted.has(inode)).length
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return '' // closed meanwhile
  }
}

/** What it holds in memory. Linux only. */
export function residentMebibytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}
