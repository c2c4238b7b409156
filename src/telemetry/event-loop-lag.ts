import { performance } from 'node:perf_hooks'
import { createMaxTracker, type MaxReader } from './max-tracker.ts'

const TICK_MS = 10

/** Measures how late the event loop runs its timers. */
export interface EventLoopLag {
  /** A reader of its own: each reads the longest lag since it last asked. */
  reader(): MaxReader
  /** The longest lag of the last second or so, in ms. */
  recent(): number
  /** How late the loop is at this moment of `performance.now()`, or was a few turns ago. */
  at(now: number): number
  /** Begins anew: what kept the loop busy so far kept nobody waiting. */
  forget(): void
  close(): void
}

const RECENT_MS = 1_000
/** What came during a stall is taken off the sockets only in the turns after it: new connections first. */
const TURNS = 5

export function watchEventLoopLag(): EventLoopLag {
  const longest = createMaxTracker(() => Math.max(0, performance.now() - due))
  let due = performance.now() + TICK_MS
  let peak = { ms: 0, at: 0 }
  const latest: number[] = new Array(TURNS).fill(0)
  let turn = 0
  let behindMs = 0
  const tick = () => {
    const now = performance.now()
    const lagMs = Math.max(0, now - due)
    latest[turn++ % TURNS] = lagMs
    behindMs = Math.max(...latest)
    longest.note(lagMs)
    if (lagMs >= peak.ms || now - peak.at > RECENT_MS) peak = { ms: lagMs, at: now }
    due = now + TICK_MS
    timer = setTimeout(tick, TICK_MS).unref()
  }
  let timer = setTimeout(tick, TICK_MS).unref()
  return {
    reader: longest.reader,
    recent: () => Math.max(peak.ms, performance.now() - due),
    at: now => Math.max(behindMs, now - due),
    forget() {
      due = performance.now() + TICK_MS
      peak = { ms: 0, at: 0 }
      latest.fill(0)
      behindMs = 0
    },
    close: () => clearTimeout(timer),
  }
}
