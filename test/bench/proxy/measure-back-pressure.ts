// That a proxy which delays for long does not buffer without end.
import { latency } from '../../../chaos/toxic.ts'
import { type Toxiproxy, ToxiproxyError } from '../../../chaos/toxiproxy.ts'
import type { Laboratory } from '../laboratory.ts'
import { figure, type Section, target } from '../section.ts'
import { VoidError } from '../void-error.ts'
import type { Flood } from './flood.ts'
import type { Ask } from './processes.ts'
import { residentBytes } from './resident-bytes.ts'
import { type FarEnd, makeEntry, startEmbedded } from './subjects.ts'

const LATENCY_MS = 10_000
/** Well before the first byte may leave: what stops until then stopped for want of room. */
const WITHIN_MS = 6_000
const LOOK_EVERY_MS = 100
/** What waits in front of the toxic (1,024 pieces of 32 KiB) and in the sockets' own buffers (32 MiB and less), twice over. */
const MOST_MEGABYTES = 128

interface Swallowed extends Flood {
  /** Null where the process is not ours. */
  memory: { before: number; most: number } | null
}

const megabytes = (bytes: number) => bytes / 1_000_000

/** A sender that is as fast as it can be, before a latency of 10 s: what is taken of it until nothing more is. */
export async function measureBackPressure(
  lab: Laboratory,
  ask: Ask,
  farEnd: FarEnd,
  real: Toxiproxy | undefined,
): Promise<Section> {
  const { child, control } = await startEmbedded(lab)
  const embedded = await swallow(lab, ask, farEnd, control, child.pid)
  const rows = [['embedded', ...cells(embedded)]]
  if (real !== undefined) {
    rows.push(['real server', ...cells(await swallow(lab, ask, farEnd, real, null))])
  }
  const taken = typeof embedded === 'string' ? undefined : megabytes(embedded.bytes)
  return {
    title: `A fast sender before ${LATENCY_MS / 1_000} s of latency, MB`,
    head: ['row', 'taken until it stopped', 'after ms', 'resident before', 'resident at most'],
    rows,
    targets: [
      target(
        `a fast sender before ${LATENCY_MS / 1_000} s of latency is stopped, by ${MOST_MEGABYTES} MB`,
        taken,
        value => typeof embedded !== 'string' && embedded.isStalled && value <= MOST_MEGABYTES,
        `${figure(taken, 0)} MB, ${typeof embedded !== 'string' && embedded.isStalled ? 'then nothing more' : 'and going on'}`,
      ),
    ],
  }
}

async function swallow(
  lab: Laboratory,
  ask: Ask,
  farEnd: FarEnd,
  control: Toxiproxy,
  pid: number | null,
): Promise<Swallowed | string> {
  const look = () => (pid === null ? 0 : megabytes(residentBytes(pid)))
  const memory = { before: look(), most: 0 }
  const timer = setInterval(() => {
    memory.most = Math.max(memory.most, look())
  }, LOOK_EVERY_MS)
  try {
    const toxic = latency({ latencyMs: LATENCY_MS, stream: 'upstream' })
    const port = await makeEntry(lab, control, farEnd.sink!, [toxic])
    const taken = await ask('flood', { port, withinMs: WITHIN_MS })
    return { ...taken, memory: pid === null ? null : memory }
  } catch (error) {
    // A server that has gone since the bench began spoils its own row, not the others.
    if (error instanceof VoidError || error instanceof ToxiproxyError) return `void: ${error.message}`
    throw error
  } finally {
    clearInterval(timer)
  }
}

function cells(swallowed: Swallowed | string): string[] {
  if (typeof swallowed === 'string') return [swallowed]
  const { bytes, isStalled, tookMs, memory } = swallowed
  return [
    `${figure(megabytes(bytes), 0)}${isStalled ? '' : ' and going on'}`,
    figure(tookMs, 0),
    figure(memory?.before, 0),
    figure(memory?.most, 0),
  ]
}
