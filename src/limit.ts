// Time limits that blame nobody for a stall of our own event loop.
import { performance } from 'node:perf_hooks'

/** A timer this late means that the event loop stood still, and that answers may lie unread in the sockets. */
const LATE_MS = 15

/** Turns of the event loop in which pending reads are taken before a late limit counts. */
const TURNS = 2

/** What fires once, if nobody calls it off before. */
export interface Limit {
  callOff(): void
}

/**
 * Calls back once `performance.now()` has reached `at`.
 * Expired timers run before pending socket reads, so a limit that fires late lets those drain first:
 * an answer among them calls it off.
 */
export function limitAt(at: number, expired: () => void, now = performance.now()): Limit {
  return at === Number.POSITIVE_INFINITY ? NEVER : new TimeLimit(at, expired, now)
}

const NEVER: Limit = { callOff() {} }

class TimeLimit implements Limit {
  readonly #at: number
  readonly #expired: () => void
  #timer: ReturnType<typeof setTimeout>
  #isOver = false

  constructor(at: number, expired: () => void, now: number) {
    this.#at = at
    this.#expired = expired
    this.#timer = setTimeout(TimeLimit.#onTimer, Math.max(0, at - now), this)
  }

  callOff(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  static #onTimer(limit: TimeLimit): void {
    const lateMs = performance.now() - limit.#at
    if (lateMs < 0) limit.#timer = setTimeout(TimeLimit.#onTimer, Math.ceil(-lateMs), limit)
    else limit.#drain(lateMs > LATE_MS ? TURNS : 0)
  }

  #drain(turns: number): void {
    if (turns > 0) setImmediate(() => this.#drain(turns - 1))
    else if (!this.#isOver) {
      this.#isOver = true
      this.#expired()
    }
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
