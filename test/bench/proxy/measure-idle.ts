// What a proxy holds in memory for connections that do nothing.
import type { Laboratory } from '../laboratory.ts'
import { figure, type Section, target } from '../section.ts'
import { VoidError } from '../void-error.ts'
import type { Ask } from './processes.ts'
import { residentBytes } from './resident-bytes.ts'
import { type FarEnd, makeEntry, startBarePipe, startEmbedded } from './subjects.ts'

const WANTED = 5_000
const MOST_MEGABYTES = 150
/** Each connection is two files of the proxy's; a process has a few of its own. */
const FILES_A_CONNECTION = 2
const OWN_FILES = 100
const SETTLES_WITHIN_MS = 1_000

interface Held {
  before: number
  open: number
  greeted: number
}

/** Resident memory of a fresh process before, with the connections open, and after a message over each. */
export async function measureIdle(lab: Laboratory, ask: Ask, farEnd: FarEnd): Promise<Section> {
  const count = Math.min(WANTED, connectionsAllowed())
  if (count < WANTED) {
    process.stderr.write(
      `${count} idle connections instead of ${WANTED}: the limit of open files is too low; raise it with \`ulimit -n ${WANTED * FILES_A_CONNECTION + OWN_FILES}\`\n`,
    )
  }
  const embedded = await startEmbedded(lab)
  const port = await makeEntry(lab, embedded.control, farEnd.echo!, [])
  const pipe = await startBarePipe(lab, { echo: farEnd.echo! })
  const rows = [
    { name: 'bare Node pipe', held: await hold(ask, pipe.pid, pipe.ports.echo!, count) },
    { name: 'embedded, no toxic', held: await hold(ask, embedded.child.pid, port, count) },
  ]
  const own = rows.at(-1)?.held
  const most = typeof own === 'string' || own === undefined ? undefined : Math.max(own.open, own.greeted)
  return {
    title: `${count.toLocaleString('en-US')} idle connections, resident memory of the process, MB`,
    head: ['row', 'before', 'open', 'after a message on each', 'KB a connection'],
    rows: rows.map(({ name, held }) => [name, ...(typeof held === 'string' ? [held] : cells(held, count))]),
    targets: [
      target(
        `${WANTED.toLocaleString('en-US')} idle connections in less than ${MOST_MEGABYTES} MB`,
        count < WANTED ? undefined : most,
        value => value < MOST_MEGABYTES,
        `${figure(most, 0)} MB`,
      ),
    ],
  }
}

function connectionsAllowed(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: unknown } } }
  const files = Number(userLimits?.open_files?.soft)
  return Number.isNaN(files) ? WANTED : Math.floor((files - OWN_FILES) / FILES_A_CONNECTION)
}

const megabytes = (pid: number) => residentBytes(pid) / 1_000_000
const settle = () => new Promise(resolve => setTimeout(resolve, SETTLES_WITHIN_MS))

async function hold(ask: Ask, pid: number, port: number, count: number): Promise<Held | string> {
  try {
    const before = megabytes(pid)
    await ask('gather', { port, count })
    await settle()
    const open = megabytes(pid)
    await ask('greet')
    await settle()
    return { before, open, greeted: megabytes(pid) }
  } catch (error) {
    if (error instanceof VoidError) return `void: ${error.message}`
    throw error
  } finally {
    await ask('disperse')
  }
}

function cells({ before, open, greeted }: Held, count: number): string[] {
  return [
    figure(before, 0),
    figure(open, 0),
    figure(greeted, 0),
    figure(((Math.max(open, greeted) - before) * 1_000) / count, 1),
  ]
}
