// What a fault must look like from outside, through the chaos proxy and round the gateway.
import type { Fault } from '../../chaos/fault.ts'
import type { Toxic } from '../../chaos/toxic.ts'
import type { Probe } from '../report/report.ts'
import { type DrawnLatency, tenthsOf } from './drawn-latency.ts'

/** What came of one exchange. */
export interface Exchange {
  ending: 'answered' | 'refused' | 'reset' | 'closed' | 'silent' | 'open'
  /** To the first byte of the answer, and to its end. */
  firstByteMs: number
  totalMs: number
  bytes: number
}

/** A few words, and the test. */
export interface Expectation {
  words: string
  giveUpMs: number
  /** The exchange lasts until the connection has closed, not only the answer: `idle` behind it, or `busy` with more of them. */
  untilClosed?: 'idle' | 'busy'
  /** How many of a phase's probes have to meet it. */
  needs: NonNullable<Probe['needs']>
  isMet(exchange: Exchange): boolean
}

const GIVE_UP_MS = 5_000
/** A paused process answers nothing; this long without a word is proof enough. */
const SILENCE_MS = 1_000
/** A chaos proxy with nothing in it answers within this. */
const CALM_MS = 1_000
/** Less than this between the first byte and the last could be the machine's doing. */
export const PLAIN_MS = 20

/**
 * The expectation that proves `fault`, or, without one, that the path is calm.
 * @param calmMs the longest that a probe took before the fault; where there was none, some faults cannot be proven
 */
export function expectationOf(fault: Fault | undefined, calmMs?: number): Expectation {
  if (fault === undefined) {
    return at(
      `at most ${inMs(CALM_MS)}`,
      ({ ending, totalMs }) => ending === 'answered' && totalMs <= CALM_MS,
    )
  }
  if (fault.kind === 'outage') return at('refused', ({ ending }) => ending === 'refused')
  if (fault.kind === 'pause') return silence()
  const expectation = ofToxic(fault.toxic, calmMs)
  return fault.toxic.toxicity < 1 ? { ...expectation, needs: 'one' } : expectation
}

function ofToxic(toxic: Toxic, calmMs: number | undefined): Expectation {
  switch (toxic.type) {
    case 'latency': {
      const least = Math.max(0, toxic.attributes.latency - toxic.attributes.jitter)
      return at(
        `at least ${inMs(least)}`,
        ({ ending, firstByteMs }) => ending === 'answered' && firstByteMs >= least,
        least + 2 * toxic.attributes.jitter + GIVE_UP_MS,
      )
    }
    case 'latency_normal':
    case 'latency_log_normal':
    case 'latency_pareto':
    case 'latency_recorded':
      return drawn(toxic, calmMs)
    case 'bandwidth':
    case 'bandwidth_shared': {
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
        ...at(`closed after at least ${inMs(delay)}`, isMet, delay + GIVE_UP_MS),
        untilClosed: 'idle',
      }
    }
    case 'slow_accept':
      return slowerThanBefore(toxic.attributes.delay, calmMs, toxic.attributes.delay + GIVE_UP_MS)
    case 'close_after':
      return livesFor(toxic.attributes.after)
    case 'noop':
      return at('answered: it changes nothing', ({ ending }) => ending === 'answered')
    case 'timeout':
      return toxic.attributes.timeout > 0 && toxic.attributes.timeout < GIVE_UP_MS
        ? at('closed without an answer', isCut)
        : silence()
    case 'reset_peer':
      return at('reset', isCut, toxic.attributes.timeout + GIVE_UP_MS)
    case 'limit_data':
      return at(`cut after ${toxic.attributes.bytes} bytes`, isCut)
  }
}

function at(words: string, isMet: Expectation['isMet'], giveUpMs = GIVE_UP_MS): Expectation {
  return { words, isMet, giveUpMs, needs: 'all' }
}

const isCut = ({ ending }: Exchange) => ending === 'closed' || ending === 'reset'

/** A body that is drawn out: at least half of what it should take, for its first piece comes before the clock starts. */
function takesLonger(expectedMs: (bytes: number) => number): Expectation {
  return at(
    `a body drawn out over at least half its time, and ${inMs(PLAIN_MS)}`,
    ({ ending, firstByteMs, totalMs, bytes }) => {
      const tookMs = ending === 'silent' ? GIVE_UP_MS : totalMs - firstByteMs
      return tookMs >= Math.max(PLAIN_MS, expectedMs(bytes) / 2)
    },
  )
}

function silence(): Expectation {
  return at(`no answer within ${inMs(SILENCE_MS)}`, ({ ending }) => ending === 'silent', SILENCE_MS)
}

/**
 * No single draw proves a distribution. Nine in ten take at least its tenth percentile, so half of the probes do; and
 * since a path that is as slow without the fault would show the same, they have to be slower than any before it.
 */
function drawn(toxic: DrawnLatency, calmMs: number | undefined): Expectation {
  const { low, high } = tenthsOf(toxic)
  const slower = slowerThanBefore(low, calmMs, high + GIVE_UP_MS)
  return { ...slower, words: `${slower.words}, in half of the probes`, needs: 'half' }
}

function slowerThanBefore(leastMs: number, calmMs: number | undefined, giveUpMs: number): Expectation {
  if (calmMs === undefined) return at('a baseline to compare it with', () => false, giveUpMs)
  return at(
    `at least ${inMs(leastMs)} and more than ${inMs(calmMs)}, the longest before the fault`,
    ({ ending, firstByteMs }) => ending === 'answered' && firstByteMs >= leastMs && firstByteMs > calmMs,
    giveUpMs,
  )
}

/** A connection in use is closed by nothing else at that age. */
function livesFor(ms: number): Expectation {
  const isMet = ({ ending, totalMs }: Exchange) =>
    ending === 'closed' && totalMs >= ms && totalMs <= ms + CALM_MS
  return {
    ...at(`a connection in use closed after ${inMs(ms)}, and at most ${inMs(CALM_MS)} more`, isMet),
    giveUpMs: ms + CALM_MS,
    untilClosed: 'busy',
  }
}

/** "2,004 ms" */
export function inMs(value: number): string {
  return `${Math.round(value).toLocaleString('en-US')} ms`
}
