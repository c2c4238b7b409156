// Proof that a fault bit: a connection straight through the chaos proxy, round the gateway, one after another, at most one a second.
import { Agent, get } from 'node:http'
import type { Socket } from 'node:net'
import type { Fault } from '../../chaos/fault.ts'
import { describeFault } from '../../chaos/fault.ts'
import type { Probe } from '../report/report.ts'
import { epochMs } from './clock.ts'
import { type Exchange, type Expectation, expectationOf, inMs, PLAIN_MS } from './expectation.ts'

/** One GET on a connection of its own. */
export function exchange(
  { url, host }: Pick<ProbeTarget, 'url' | 'host'>,
  { giveUpMs, untilClosed }: Expectation,
): Promise<Exchange> {
  const start = performance.now()
  const since = () => performance.now() - start
  return new Promise(resolve => {
    let bytes = 0
    let firstByteMs = Number.NaN
    const end = (ending: Exchange['ending']) => {
      clearTimeout(timer)
      outgoing.destroy()
      resolve({ ending, firstByteMs, totalMs: since(), bytes })
    }
    const outgoing = get(url, { agent: false, headers: headersFor(host) }, response => {
      firstByteMs = since()
      response.on('data', chunk => {
        bytes += chunk.length
      })
      response.once('end', () => {
        if (untilClosed === 'idle') response.socket.once('close', () => end('answered'))
        else end('answered')
      })
      response.once('error', () => end('closed'))
    })
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') end('refused')
      else if (error.message === 'socket hang up') end('closed')
      else end('reset')
    })
    const timer = setTimeout(() => end('silent'), giveUpMs)
  })
}

const PAUSE_MS = 50

/** GETs on one connection, one after another, until it closes: how long it lives while it is in use. */
function lifetime(
  { url, host }: Pick<ProbeTarget, 'url' | 'host'>,
  { giveUpMs }: Expectation,
): Promise<Exchange> {
  const start = performance.now()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return new Promise(resolve => {
    let socket: Socket | undefined
    let bytes = 0
    let isOver = false
    const end = (ending: Exchange['ending']) => {
      isOver = true
      clearTimeout(timer)
      resolve({ ending, firstByteMs: Number.NaN, totalMs: performance.now() - start, bytes })
      agent.destroy()
    }
    const ask = () => {
      if (isOver) return
      const outgoing = get(url, { agent, headers: headersFor(host) }, response => {
        response.on('data', chunk => {
          bytes += chunk.length
        })
        response.once('close', () => setTimeout(ask, PAUSE_MS))
        response.on('error', () => {}) // the connection's 'close' follows
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') end('refused')
      })
      outgoing.once('socket', taken => {
        if (socket === undefined) taken.once('close', () => end('closed'))
        socket ??= taken
      })
    }
    const timer = setTimeout(() => end('open'), giveUpMs)
    ask()
  })
}

function headersFor(host: string | undefined): Record<string, string> {
  return { 'x-request-id': 'probe', ...(host === undefined ? {} : { host }) }
}

/** Where and about what to probe. */
export interface ProbeTarget {
  arm: string
  phase: string
  url: string
  /** The Host to ask for; the one of `url` unless given. */
  host: string | undefined
  fault: Fault | undefined
  /** The longest that a probe of this arm took before the fault. */
  calmMs: number | undefined
  /** Of the run's start. */
  startEpochMs: number
}

/** One probe; `null` when the phase ended before it did, since half of it would prove nothing. */
export async function probeOnce(target: ProbeTarget, signal: AbortSignal): Promise<Probe | null> {
  const expectation = expectationOf(target.fault, target.calmMs)
  const atMs = epochMs() - target.startEpochMs
  const seen = await (expectation.untilClosed === 'busy' ? lifetime : exchange)(target, expectation)
  if (signal.aborted) return null
  return {
    arm: target.arm,
    phase: target.phase,
    atMs,
    fault: target.fault === undefined ? 'none' : describeFault(target.fault),
    expected: expectation.words,
    observed: describeExchange(seen),
    ...(Number.isNaN(seen.firstByteMs) ? {} : { firstByteMs: seen.firstByteMs }),
    bit: expectation.isMet(seen),
    needs: expectation.needs,
  }
}

function describeExchange({ ending, firstByteMs, totalMs }: Exchange): string {
  const time = inMs(ending === 'answered' ? firstByteMs : totalMs)
  if (ending === 'answered')
    return totalMs - firstByteMs < PLAIN_MS ? time : `${time}, and its end after ${inMs(totalMs)}`
  if (ending === 'silent') return `no answer for ${time}`
  return ending === 'open' ? `still open after ${time}` : `${ending} after ${time}`
}
