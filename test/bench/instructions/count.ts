// The instructions of one server: it is warmed up first, then counted for so many requests.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Pool } from 'undici'
import { PRIVATE, startUpstream, type Upstream } from '../gateway/upstream.ts'
import type { Laboratory } from '../laboratory.ts'
import { VoidError } from '../void-error.ts'

/** A server to be counted, and how. */
export interface Program {
  name: string
  /** From the root. */
  entry: string
  env: Readonly<Record<string, string>>
  /** Stored answers at one path, or every request at a path of its own whose answer may not be stored. */
  way: 'stored' | 'passed on'
}

export const CONNECTIONS = 50
/** By then V8 has compiled what is run often. */
const WARM_UP = 20_000
export const COUNTED = 6_000
/** Of those that are counted, for what begins with the counting itself. */
const FIRST = 500

/** Requests that may reach the upstream though the answer is stored: those that came before it was. */
const MOST_REFILLS = CONNECTIONS

const WRITTEN_WITHIN_MS = 20_000
const LOOK_EACH_MS = 100

const ROOT = join(import.meta.dirname, '../../..')
const control = promisify(execFile)

/** Instructions a request, of the thread that runs JavaScript. */
export async function countInstructions(lab: Laboratory, program: Program): Promise<number> {
  // Its own, so that what it is asked is this program's doing.
  const upstream = await startUpstream(lab)
  const folder = mkdtempSync(join(tmpdir(), 'leeward-bench-'))
  lab.onClose(async () => rmSync(folder, { recursive: true, force: true }))
  const out = join(folder, 'callgrind')
  const child = spawn(
    'valgrind',
    [
      ...['--tool=callgrind', '--instr-atstart=no', '--separate-threads=yes', '--smc-check=all-non-file'],
      ...[`--callgrind-out-file=${out}`, process.execPath, '--import', './require-node.js', program.entry],
    ],
    {
      cwd: ROOT,
      env: { ...process.env, ...program.env, UPSTREAM_URL: upstream.url },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    },
  )
  if (child.pid !== undefined) lab.watch(child.pid)
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGKILL')
    await exited
  }
  lab.onClose(stop)
  const port = await Promise.race([
    readyAt(child),
    exited.then(([code]) => Promise.reject(new Error(`${program.name} ended with ${code} under Valgrind`))),
  ])
  const ask = asking(program, port, upstream)
  const tell = (...words: string[]) => control('callgrind_control', [...words, String(child.pid)])
  await ask('w', WARM_UP)
  await tell('--instr=on')
  await ask('f', FIRST)
  await tell('--zero')
  await ask('c', COUNTED)
  await tell('--dump')
  // The first dump of the first thread.
  const total = await totalIn(`${out}.1-01`)
  await stop()
  return total / COUNTED
}

/** What a dump sums up to, once it is written. */
async function totalIn(file: string): Promise<number> {
  for (
    const end = performance.now() + WRITTEN_WITHIN_MS;
    performance.now() < end;
    await sleep(LOOK_EACH_MS)
  ) {
    const total = existsSync(file) && /^totals: (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1]
    if (total) return Number(total)
  }
  throw new Error(`Valgrind has written no ${file}`)
}

async function readyAt(child: ReturnType<typeof spawn>): Promise<number> {
  const [{ ports }] = (await once(child, 'message')) as [{ ports: { http: number } }]
  return ports.http
}

/** Sends so many requests; they count for nothing where they led to anything else than the row says. */
function asking({ name, way }: Program, port: number, upstream: Upstream) {
  const origin = `http://127.0.0.1:${port}`
  return async (part: string, count: number) => {
    const pool = new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    const before = await upstream.requests()
    let begun = 0
    const client = async () => {
      while (begun < count) {
        begun += 1
        const path = way === 'stored' ? '/areas/stored' : `${PRIVATE}/${part}-${begun}`
        const { statusCode, body } = await pool.request({ method: 'GET', path: `/proxy${path}` })
        await body.dump()
        if (statusCode !== 200) throw new VoidError(`a request was answered with ${statusCode}`)
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, client))
    await pool.close()
    const calls = (await upstream.requests()) - before
    const isAsItOught = way === 'stored' ? calls <= MOST_REFILLS : calls === count
    if (!isAsItOught)
      throw new VoidError(`${count} requests of ${name} led to ${calls} calls of the upstream`)
  }
}
