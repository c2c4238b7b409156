// The load: closed-loop saturation by wrk where it is installed, else by autocannon, in a process of its own.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { VoidError } from '../void-error.ts'
import { isInstalled } from './machine.ts'

export interface Shot {
  url: string
  connections: number
  seconds: number
  /** Where it is given, every request asks for a path of its own, which begins so. */
  prefix?: string
}

/** What a load generator saw; latencies over all requests. */
export interface Figures {
  requests: number
  seconds: number
  p50Ms: number
  p99Ms: number
  /** Answers with a status that is none of success. */
  statuses: number
  errors: number
}

export const GENERATOR = isInstalled('wrk') ? 'wrk' : 'autocannon'

/** Time that a generator may take beside the load itself. */
const GRACE_MS = 15_000

/** @throws VoidError where an answer was not what was asked for */
export async function shoot(shot: Shot): Promise<Figures> {
  const figures = JSON.parse(await (GENERATOR === 'wrk' ? byWrk(shot) : byAutocannon(shot))) as Figures
  const { requests, statuses, errors } = figures
  if (requests === 0) throw new VoidError('no answer at all')
  if (statuses + errors > 0)
    throw new VoidError(`${statuses} unexpected statuses and ${errors} errors of ${requests} requests`)
  return figures
}

async function byWrk(shot: Shot): Promise<string> {
  const { url, connections, seconds, prefix } = shot
  const script = join(import.meta.dirname, 'load.lua')
  const load = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', script, url]
  const output = await outputOf('wrk', prefix === undefined ? load : [...load, '--', prefix], seconds)
  return output.trim().split('\n').at(-1)!
}

function byAutocannon(shot: Shot): Promise<string> {
  const entry = join(import.meta.dirname, 'autocannon-load.ts')
  return outputOf(process.execPath, [entry, JSON.stringify(shot)], shot.seconds)
}

function outputOf(command: string, args: string[], seconds: number): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: seconds * 1000 + GRACE_MS,
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ended with ${code}: ${output.slice(-200)}`))
    })
  })
}
