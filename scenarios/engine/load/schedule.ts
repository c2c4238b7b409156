// When each request is due and what it asks for, decided before the first is sent: arrivals never depend on answers.
import { exponential } from '../../../chaos/random/distributions.ts'
import { type Random, randomStream } from '../../../chaos/random/seed.ts'
import { shuffledRanks, zipf } from './popularity.ts'

/** What a schedule is drawn from. The first five fields are a scenario's `load`. */
export interface ScheduleSettings {
  ratePerSecond: number
  /** `poisson`: independent users; `uniform`: evenly spaced. */
  arrivals: 'poisson' | 'uniform'
  /** Keys are 1 to `keys`, the most popular first. */
  keys: number
  zipfExponent: number
  readShare: number
  /** Back to back, from 0. */
  phases: { name: string; durationMs: number }[]
  /** Reads due before this walk through every key once, in seeded order, before they follow popularity; 0 for none. */
  warmUpMs: number
}

/** One row an arrival in columns, in the order of `dueMs` (milliseconds since the load starts). */
export interface Schedule {
  dueMs: Float64Array
  key: Uint32Array
  isRead: Uint8Array
  /** Keys that the warm-up had no read left for. */
  unaskedKeys: number
}

/**
 * Draws the schedule of a seed. Arrivals, reads, keys and warm-up order come from streams of their own, and each
 * phase's arrivals from its own, so that changing one leaves the others as they were.
 */
export function makeSchedule(seed: number, settings: ScheduleSettings): Schedule {
  const dueMs = arrivalTimes(seed, settings)
  const key = new Uint32Array(dueMs.length)
  const isRead = new Uint8Array(dueMs.length)
  const drawKind = randomStream(seed, 'reads')
  const drawKey = zipf(randomStream(seed, 'keys'), settings.keys, settings.zipfExponent)
  const everyKey = shuffledRanks(randomStream(seed, 'warm-up'), settings.keys)
  let asked = settings.warmUpMs > 0 ? 0 : settings.keys
  for (let index = 0; index < dueMs.length; index++) {
    isRead[index] = drawKind() < settings.readShare ? 1 : 0
    key[index] = drawKey()
    const isWarmUpRead = isRead[index] === 1 && dueMs[index]! < settings.warmUpMs
    if (isWarmUpRead && asked < settings.keys) key[index] = everyKey[asked++]!
  }
  return { dueMs, key, isRead, unaskedKeys: settings.keys - asked }
}

function arrivalTimes(seed: number, { arrivals, ratePerSecond, phases }: ScheduleSettings): Float64Array {
  const gapMs = 1_000 / ratePerSecond
  const times: number[] = []
  let startMs = 0
  for (const phase of phases) {
    const endMs = startMs + phase.durationMs
    if (arrivals === 'poisson') {
      pushPoisson(times, startMs, endMs, gapMs, randomStream(seed, `arrivals of ${phase.name}`))
    } else {
      const count = Math.round(phase.durationMs / gapMs)
      for (let index = 0; index < count; index++) times.push(startMs + (index + 0.5) * gapMs)
    }
    startMs = endMs
  }
  return Float64Array.from(times)
}

// Starting afresh at each phase is exact: a Poisson process has no memory.
function pushPoisson(times: number[], startMs: number, endMs: number, meanGapMs: number, random: Random) {
  let dueMs = startMs + exponential(random, meanGapMs)
  while (dueMs < endMs) {
    times.push(dueMs)
    dueMs += exponential(random, meanGapMs)
  }
}
