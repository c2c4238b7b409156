// Proof that a fault bit: a connection straight through the chaos proxy, round the gateway, one after another, at most one a second.
import { get } from 'node:http'
import type { Fault } from '../../chaos/fault.ts'
import { describeFault } from '../../chaos/fault.ts'
import type { Probe } from '../report/report.ts'
import { epochMs } from './clock.ts'

const GIVE_UP_MS = 5_000
/** A paused process answers nothing; this long without a word is proof enough. */
const SILENCE_MS = 1_000

/** What came of one exchange. */
export interface Exchange {
  ending: 'answered' | 'refused' | 'reset' | 'closed' | 'silent'
  /** To the first byte of the answer, and to its end. */
  firstByteMs: number
  totalMs: number
  bytes: number
}

/** What a fault must look like from outside: a few words, and the test. */
export interface Expectation {
  words: string
  giveUpMs: number
  /** The exchange lasts until the connection has closed, not only the answer. */
  untilClosed?: boolean
  isMet(exchange: Exchange): boolean
}

/** A chaos proxy with nothing in it answers within this. */
const CALM_MS = 1_000

/** The expectation that proves `fault`, or, without one, that the path is calm. */
export function expectationOf(fault: Fault | undefined): Expectation {
  if (fault === undefined) {
    return {
      words: `at most ${inMs(CALM_MS)}`,
      giveUpMs: GIVE_UP_MS,
      isMet: ({ ending, totalMs }) => ending === 'answered' && totalMs <= CALM_MS,
    }
  }
  if (fault.kind === 'outage') {
    return { words: 'refused', giveUpMs: GIVE_UP_MS, isMet: ({ ending }) => ending === 'refused' }
  }
  if (fault.kind === 'pause') return silence()
  const { toxic } = fault
  const at = (words: string, isMet: Expectation['isMet'], giveUpMs = GIVE_UP_MS) => ({
    words,
    isMet,
    giveUpMs,
  })
  switch (toxic.type) {
    case 'latency': {
      const least = Math.max(0, toxic.attributes.latency - toxic.attributes.jitter)
      return at(
        `at least ${inMs(least)}`,
        ({ ending, firstByteMs }) => ending === 'answered' && firstByteMs >= least,
        least + 2 * toxic.attributes.jitter + GIVE_UP_MS,
      )
    }
    case 'bandwidth': {
      const { rate } = toxic.attributes
      return rate === 0 ? silence() : takesLonger(bytes => bytes / rate)
    }
    case 'slicer': {
      const { average_size, delay } = toxic.attributes
      return takesLonger(bytes => (bytes / average_size) * (delay / 1_000))
    }
    case 'slow_close': {
      const { delay } = toxic.attributes
      const isMet = ({ ending, totalMs }: Exchange) => ending === 'answered' && totalMs >= delay
      return {
        words: `closed after at least ${inMs(delay)}`,
        giveUpMs: delay + GIVE_UP_MS,
        untilClosed: true,
        isMet,
      }
    }
    case 'noop':
      return at('answered: it changes nothing', ({ ending }) => ending === 'answered')
    case 'timeout':
      return toxic.attributes.timeout > 0 && toxic.attributes.timeout < GIVE_UP_MS
        ? at('closed without an answer', ({ ending }) => ending === 'closed' || ending === 'reset')
        : silence()
    case 'reset_peer':
      return at(
        'reset',
        ({ ending }) => ending === 'reset' || ending === 'closed',
        toxic.attributes.timeout + GIVE_UP_MS,
      )
    case 'limit_data':
      return at(
        `cut after ${toxic.attributes.bytes} bytes`,
        ({ ending }) => ending === 'closed' || ending === 'reset',
      )
  }
}

/** Less than this between the first byte and the last could be the machine's doing. */
const PLAIN_MS = 20

/** A body that is drawn out: at least half of what it should take, for its first piece comes before the clock starts. */
function takesLonger(expectedMs: (bytes: number) => number): Expectation {
  return {
    words: `a body drawn out over at least half its time, and ${inMs(PLAIN_MS)}`,
    giveUpMs: GIVE_UP_MS,
    isMet: ({ ending, firstByteMs, totalMs, bytes }) => {
      const tookMs = ending === 'silent' ? GIVE_UP_MS : totalMs - firstByteMs
      return tookMs >= Math.max(PLAIN_MS, expectedMs(bytes) / 2)
    },
  }
}

function silence(): Expectation {
  return {
    words: `no answer within ${inMs(SILENCE_MS)}`,
    giveUpMs: SILENCE_MS,
    isMet: ({ ending }) => ending === 'silent',
  }
}

/** One GET on a connection of its own. */
export function exchange(
  { url, host }: Pick<ProbeTarget, 'url' | 'host'>,
  { giveUpMs, untilClosed = false }: Expectation,
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
    const outgoing = get(
      url,
      { agent: false, headers: { 'x-request-id': 'probe', ...(host === undefined ? {} : { host }) } },
      response => {
        firstByteMs = since()
        response.on('data', chunk => {
          bytes += chunk.length
        })
        response.once('end', () => {
          if (untilClosed) response.socket.once('close', () => end('answered'))
          else end('answered')
        })
        response.once('error', () => end('closed'))
      },
    )
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') end('refused')
      else if (error.message === 'socket hang up') end('closed')
      else end('reset')
    })
    const timer = setTimeout(() => end('silent'), giveUpMs)
  })
}

/** Where and about what to probe. */
export interface ProbeTarget {
  arm: string
  phase: string
  url: string
  /** The Host to ask for; the one of `url` unless given. */
  host: string | undefined
  fault: Fault | undefined
  /** Of the run's start. */
  startEpochMs: number
}

/** One probe; `null` when the phase ended before it did, since half of it would prove nothing. */
export async function probeOnce(target: ProbeTarget, signal: AbortSignal): Promise<Probe | null> {
  const expectation = expectationOf(target.fault)
  const atMs = epochMs() - target.startEpochMs
  const seen = await exchange(target, expectation)
  if (signal.aborted) return null
  return {
    arm: target.arm,
    phase: target.phase,
    atMs,
    fault: target.fault === undefined ? 'none' : describeFault(target.fault),
    expected: expectation.words,
    observed: describeExchange(seen),
    bit: expectation.isMet(seen),
  }
}

function inMs(value: number): string {
  return `${value.toLocaleString('en-US')} ms`
}

function describeExchange({ ending, firstByteMs, totalMs }: Exchange): string {
  const time = inMs(Math.round(ending === 'answered' ? firstByteMs : totalMs))
  if (ending === 'answered')
    return totalMs - firstByteMs < PLAIN_MS ? time : `${time}, and its end after ${inMs(Math.round(totalMs))}`
  return ending === 'silent' ? `no answer for ${time}` : `${ending} after ${time}`
}
