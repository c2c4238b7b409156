// Time limits that blame nobody for a stall of our own event loop.
import { performance } from 'node:perf_hooks'

/** A timer this late means that the event loop stood still, and that answers may lie unread in the sockets. */
const LATE_MS = 15

/** Turns of the event loop in which pending reads are taken before a late limit counts. */
const TURNS = 2

/**
 * Calls back once `performance.now()` has reached `at`; returns the way to call it off.
 * Expired timers run before pending socket reads, so a limit that fires late lets those drain first:
 * an answer among them calls it off.
 */
export function limitAt(at: number, expired: () => void, now = performance.now()): () => void {
  if (at === Number.POSITIVE_INFINITY) return nothing
  const limit: Limit = { at, expired, timer: undefined, isOver: false }
  limit.timer = setTimeout(onTimer, Math.max(0, at - now), limit)
  return () => {
    limit.isOver = true
    clearTimeout(limit.timer)
  }
}

/**
 * Calls back at the end of each period of `ms()`, and tells whether the event loop stood still at its end: then nobody is
 * to blame for what did not come. Returns the way to stop.
 */
export function everyPeriod(ms: () => number, ended: (isOurs: boolean) => void): () => void {
  let timer: ReturnType<typeof setTimeout>
  const begin = () => {
    const length = ms()
    const due = performance.now() + length
    timer = setTimeout(() => {
      const lateMs = performance.now() - due
      begin()
      ended(lateMs > Math.max(LATE_MS, length / 10))
    }, length)
  }
  begin()
  return () => clearTimeout(timer)
}

interface Limit {
  readonly at: number
  readonly expired: () => void
  timer: ReturnType<typeof setTimeout> | undefined
  isOver: boolean
}

const nothing = () => {}

function onTimer(limit: Limit): void {
  const lateMs = performance.now() - limit.at
  if (lateMs < 0) limit.timer = setTimeout(onTimer, Math.ceil(-lateMs), limit)
  else drain(limit, lateMs > LATE_MS ? TURNS : 0)
}

function drain(limit: Limit, turns: number): void {
  if (turns > 0) setImmediate(drain, limit, turns - 1)
  else if (!limit.isOver) {
    limit.isOver = true
    limit.expired()
  }
}
