// One call to the upstream that several clients wait for.
import type { GatewayError } from '../errors.ts'
import { limitAt } from '../limit.ts'
import { deadlineExceeded } from './deadline.ts'
import { discard, type GatewayRequest, type GatewayResponse, type Next, type Tell } from './guard.ts'

/** How a shared call ended for one who waited until it did. */
export type Ending = { response: GatewayResponse } | { error: unknown }

/** A leader whose own time is up within this of the call's waits for the call: it has a limit already. */
const SAME_DEADLINE_MS = 5

/** It ends itself when the last of them has left. */
export class SharedCall {
  readonly request: GatewayRequest
  readonly #deadlineMs: number
  readonly #tell: Tell
  #answer: Promise<GatewayResponse> | undefined
  #waiters: Waiter[] = []

  /** @param deadlineMs how long it may take, by which a waiter who leaves earlier says nothing of the upstream */
  constructor(request: GatewayRequest, deadlineMs: number, tell: Tell) {
    this.request = request
    this.#deadlineMs = deadlineMs
    this.#tell = tell
  }

  /** Calls `ended` before those who wait are told. */
  start(next: Next, ended: () => void): void {
    const end = (ending: Ending) => {
      ended()
      for (const waiter of this.#waiters) waiter.end(ending)
      this.#waiters = []
    }
    this.#answer = next(this.request)
    this.#answer.then(
      response => end({ response }),
      error => end({ error }),
    )
  }

  /** Waits until it ends; rejects at the waiter's own deadline, or its cancellation. */
  wait(request: GatewayRequest): Promise<Ending> {
    return new Promise((resolve, reject) => this.#admit(request, resolve, reject, request.deadlineAt))
  }

  /** For who asks first; it alone can have a streamed answer, and if it has left by then, the stream is ended. */
  lead(request: GatewayRequest): Promise<GatewayResponse> {
    const isLimited = this.request.deadlineAt - request.deadlineAt < SAME_DEADLINE_MS
    return new Promise((resolve, reject) => {
      const ended = (ending: Ending) => ('error' in ending ? reject(ending.error) : resolve(ending.response))
      const left = (reason: GatewayError) => {
        reject(reason)
        this.#answer?.then(discard, () => {})
      }
      this.#admit(request, ended, left, isLimited ? Number.POSITIVE_INFINITY : request.deadlineAt)
    })
  }

  #admit(
    request: GatewayRequest,
    ended: (ending: Ending) => void,
    left: (reason: GatewayError) => void,
    limitAtMs: number,
  ): void {
    const leave = (reason: GatewayError) => {
      waiter.stop()
      left(reason)
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
      if (this.#waiters.length === 0) this.request.cancel(reason)
    }
    const waiter = new Waiter(ended)
    this.#waiters.push(waiter)
    waiter.callOff = limitAt(limitAtMs, () => {
      this.#tell('left')
      leave(deadlineExceeded(request, this.#deadlineMs))
    })
    waiter.unlink = request.onCancel(leave)
  }
}

const nothing = () => {}

/** One who waits for a shared call, until it ends or the waiter leaves. */
class Waiter {
  readonly #ended: (ending: Ending) => void
  callOff = nothing
  unlink = nothing

  constructor(ended: (ending: Ending) => void) {
    this.#ended = ended
  }

  stop(): void {
    this.callOff()
    this.unlink()
  }

  end(ending: Ending): void {
    this.stop()
    this.#ended(ending)
  }
}
