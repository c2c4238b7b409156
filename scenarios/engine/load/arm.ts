import { Pool } from 'undici'
import { classify, type Rules } from './classify.ts'
import { Exchange } from './exchange.ts'
import type { Ending, LoadArm, LoadPlan, ObservationColumns } from './messages.ts'
import { ObservationLog } from './observation-log.ts'

/** One arrival of the schedule. */
export interface Arrival {
  index: number
  dueMs: number
  key: number
  isRead: boolean
}

// Settled exchanges at the head of the queue are dropped from memory when this many have gathered.
const COMPACT_AT = 1_024

// A connection that nobody accepts is given up only after its request has timed out by our own clock.
const CONNECT_GRACE_MS = 1_000

/**
 * Requests in flight beyond which an arm drops. An upstream that hangs holds rate × deadline of them, on average: a
 * fifth over that, and six standard deviations of a Poisson count, so that chance alone never drops one.
 */
export function defaultInFlightCap(ratePerSecond: number, clientDeadlineMs: number): number {
  const held = (ratePerSecond * clientDeadlineMs) / 1_000
  return Math.ceil(Math.max(200, held * 1.2, held + 6 * Math.sqrt(held)))
}

/**
 * Sends arrivals to one arm and keeps what became of each. All requests have the same deadline and are sent in the
 * order in which they are due, so those in flight form a queue: the oldest expires first and no request needs a timer.
 */
export class ArmClient {
  readonly name: string
  sent = 0
  dropped = 0
  readonly #plan: LoadPlan
  readonly #rules: Rules
  readonly #clockMs: () => number
  readonly #pool: Pool
  readonly #cap: number
  readonly #readPath: string[]
  readonly #writePath: string[]
  readonly #log = new ObservationLog()
  #queue: Exchange[] = []
  #head = 0
  #inFlight = 0

  /** @param clockMs milliseconds since the load started */
  constructor(arm: LoadArm, plan: LoadPlan, clockMs: () => number) {
    this.name = arm.name
    this.#plan = plan
    this.#rules = { isStamped: plan.isStamped, freshMs: plan.freshMs }
    this.#clockMs = clockMs
    this.#cap = plan.inFlightCap ?? defaultInFlightCap(plan.schedule.ratePerSecond, plan.clientDeadlineMs)
    this.#readPath = arm.readPath.split('{key}')
    this.#writePath = arm.writePath.split('{key}')
    // No limit on connections: the cap above is the limit. undici's other limits are off, our deadline covers them.
    this.#pool = new Pool(arm.baseUrl, {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: { timeout: plan.clientDeadlineMs + CONNECT_GRACE_MS },
    })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Sends one arrival and says when; null if the arm has too many in flight and it was dropped instead. */
  send(arrival: Arrival): number | null {
    if (this.#inFlight >= this.#cap) {
      this.#drop(arrival)
      return null
    }
    const sentMs = this.#clockMs()
    const { key, isRead } = arrival
    const path = (isRead ? this.#readPath : this.#writePath).join(String(key))
    const { isStamped } = this.#plan
    const exchange = new Exchange({ ...arrival, path, sentMs, isStamped }, this.#settled)
    this.sent++
    this.#inFlight++
    this.#queue.push(exchange)
    this.#pool.dispatch(isRead ? this.#read(arrival, path) : this.#write(arrival, path), exchange)
    return sentMs
  }

  /** Ends every request that was due before `dueMs`. */
  expire(dueMs: number): void {
    let oldest = this.#queue[this.#head]
    while (oldest !== undefined && (oldest.isSettled || oldest.options.dueMs < dueMs)) {
      if (!oldest.isSettled) oldest.expire()
      oldest = this.#queue[++this.#head]
    }
    if (this.#head < COMPACT_AT) return
    this.#queue = this.#queue.slice(this.#head)
    this.#head = 0
  }

  /** What has settled since it was last asked. */
  take(): ObservationColumns {
    return this.#log.take()
  }

  /** Closes every connection. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  // The id is the same in every arm, so that the sample origin takes equally long over the same arrival.
  #id(arrival: Arrival): string {
    return `${this.#plan.seed}-${arrival.index}`
  }

  #read(arrival: Arrival, path: string) {
    return { path, method: 'GET' as const, headers: ['x-request-id', this.#id(arrival)] }
  }

  #write(arrival: Arrival, path: string) {
    const idempotencyKey = `${this.#plan.startAtEpochMs}-${arrival.index}`
    return {
      path,
      method: 'POST' as const,
      headers: [
        'x-request-id',
        this.#id(arrival),
        'content-type',
        'application/json',
        'idempotency-key',
        idempotencyKey,
      ],
      body: newArea(arrival.index),
    }
  }

  #drop(arrival: Arrival): void {
    this.dropped++
    this.#log.push({
      ...arrival,
      sentMs: Number.NaN,
      endedMs: this.#clockMs(),
      status: 0,
      ending: 'dropped',
      outcome: 'unsent',
      ageMs: Number.NaN,
      isCollapsed: false,
    })
  }

  #settled = (exchange: Exchange, ending: Ending): void => {
    this.#inFlight--
    const { index, key, isRead, dueMs, sentMs, path } = exchange.options
    const { status, headers, bodyCrc, problem } = exchange
    const answer = { ending, isRead, path, status, headers, bodyCrc, problem, endedEpochMs: Date.now() }
    const judgement = classify(answer, this.#rules)
    this.#log.push({
      index,
      dueMs,
      sentMs,
      endedMs: this.#clockMs(),
      isRead,
      key,
      status,
      ending,
      ...judgement,
    })
  }
}

// An area that the sample service accepts.
function newArea(index: number): string {
  return JSON.stringify({
    name: `Storm ${index}`,
    action: { service: 'github', event: 'push' },
    reaction: { service: 'slack', task: 'post-message' },
  })
}
