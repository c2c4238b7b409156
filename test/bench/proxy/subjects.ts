// What is measured: the same far end, reached in different ways.
import type { Child } from '../../../chaos/supervise.ts'
import { latency, noop, type Toxic } from '../../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import type { Laboratory } from '../laboratory.ts'
import { startOwn } from './processes.ts'

export const LATENCY_MS = 20

/** How a subject reaches the far end. */
export type Way = 'direct' | 'pipe' | 'embedded' | 'real' | 'timer'

export interface Subject {
  name: string
  way: Way
  toxic: 'none' | 'noop' | 'latency'
  /** Ports by what the far end does behind them. */
  ports: Record<string, number>
}

/** What the far end does on which port. */
export type FarEnd = Record<string, number>

const SERVER_NAMES = { embedded: 'embedded', real: 'real server' }
const TOXICS = { none: [], noop: [noop()], latency: [latency({ latencyMs: LATENCY_MS })] }
const TOXIC_NAMES = { none: 'no toxic', noop: 'noop', latency: `latency ${LATENCY_MS} ms` }

/** The embedded proxy, alone in a process. */
export async function startEmbedded(lab: Laboratory): Promise<{ child: Child; control: Toxiproxy }> {
  const child = await lab.start('embedded chaos proxy', 'chaos/proxy/main.ts', { args: ['-port', '0'] })
  return { child, control: await connectToxiproxy(`http://127.0.0.1:${child.ports.api}`) }
}

let entries = 0

/** Puts an entry with these toxics before a port of the far end, until the laboratory closes; answers with its own port. */
export async function makeEntry(
  lab: Laboratory,
  control: Toxiproxy,
  upstreamPort: number,
  toxics: readonly Toxic[],
): Promise<number> {
  entries += 1
  const name = `bench-${process.pid}-${entries}`
  lab.onClose(() => control.deleteProxy(name))
  const { listen } = await control.createProxy({
    name,
    listen: '127.0.0.1:0',
    upstream: `127.0.0.1:${upstreamPort}`,
  })
  for (const toxic of toxics) await control.addToxic(name, toxic)
  return Number(listen.split(':').at(-1))
}

/** The bare pipe before every port of the far end. */
export async function startBarePipe(lab: Laboratory, farEnd: FarEnd): Promise<Child> {
  return startOwn(lab, 'bare-pipe', ...Object.entries(farEnd).map(([does, port]) => `${does}=${port}`))
}

/** Every subject, each in a process of its own; the real server's only where there is one. */
export async function openSubjects(
  lab: Laboratory,
  farEnd: FarEnd,
  real: Toxiproxy | undefined,
): Promise<Subject[]> {
  const embedded = async () => (await startEmbedded(lab)).control
  const timer = async (): Promise<Subject> => {
    const { ports } = await startOwn(lab, 'far-end', LATENCY_MS)
    return {
      name: `bare timer, ${LATENCY_MS} ms`,
      way: 'timer',
      toxic: 'latency',
      ports: { echo: ports.echo! },
    }
  }
  const pipe = async (): Promise<Subject> => {
    const { ports } = await startBarePipe(lab, farEnd)
    return { name: 'bare Node pipe', way: 'pipe', toxic: 'none', ports }
  }
  const toxics = ['none', 'noop', 'latency'] as const
  return Promise.all([
    { name: 'direct', way: 'direct', toxic: 'none', ports: farEnd },
    pipe(),
    ...toxics.map(async toxic => openProxied(lab, farEnd, 'embedded', await embedded(), toxic)),
    ...toxics.flatMap(toxic => (real === undefined ? [] : openProxied(lab, farEnd, 'real', real, toxic))),
    timer(),
  ])
}

async function openProxied(
  lab: Laboratory,
  farEnd: FarEnd,
  way: 'embedded' | 'real',
  control: Toxiproxy,
  toxic: Subject['toxic'],
): Promise<Subject> {
  const ports: FarEnd = {}
  for (const [does, port] of Object.entries(farEnd)) {
    ports[does] = await makeEntry(lab, control, port, TOXICS[toxic])
  }
  return { name: `${SERVER_NAMES[way]}, ${TOXIC_NAMES[toxic]}`, way, toxic, ports }
}
