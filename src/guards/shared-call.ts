// One call to the upstream that several clients wait for.
import type { GatewayError } from '../errors.ts'
import { limitAt } from '../limit.ts'
import { deadlineExceeded } from './deadline.ts'
import { discard, type GatewayRequest, type GatewayResponse, type Next, type Tell } from './guard.ts'

/** How a shared call ended for one who waited until it did. */
export type Ending = { response: GatewayResponse } | { error: unknown }

/** A leader whose own time is up within this of the call's waits for the call: it has a limit already. */
const SAME_DEADLINE_MS = 5

/** It ends itself when the last of those who wait has left. */
export class SharedCall {
  readonly request: GatewayRequest
  readonly #deadlineMs: number
  readonly #tell: Tell
  readonly #answer: Promise<GatewayResponse>
  #waiting = 0
  #waiters: Waiter[] = []

  /**
   * Begins the call.
   * @param deadlineMs how long it may take, by which a waiter who leaves earlier says nothing of the upstream
   */
  constructor(request: GatewayRequest, deadlineMs: number, tell: Tell, next: Next) {
    this.request = request
    this.#deadlineMs = deadlineMs
    this.#tell = tell
    this.#answer = next(request)
  }

  /** Calls back once when it has ended, before those who wait are told. */
  onEnd(ended: () => void): void {
    const end = (ending: Ending) => {
      ended()
      for (const waiter of this.#waiters) waiter.end(ending)
      this.#waiters = []
    }
    this.#answer.then(
      response => end({ response }),
      error => end({ error }),
    )
  }

  /** For who asks first; it alone can have a streamed answer, and if it has left by then, the stream is ended. */
  lead(request: GatewayRequest): Promise<GatewayResponse> {
    if (this.request.deadlineAt - request.deadlineAt < SAME_DEADLINE_MS) {
      this.#waiting += 1
      request.onCancel(reason => {
        this.#discardAnswer()
        this.#left(reason)
      })
      return this.#answer
    }
    return this.wait(request).then(
      ending => {
        if ('error' in ending) throw ending.error
        return ending.response
      },
      reason => {
        this.#discardAnswer()
        throw reason
      },
    )
  }

  /** Waits until it ends; rejects at the waiter's own deadline, or its cancellation. */
  wait(request: GatewayRequest): Promise<Ending> {
    this.#waiting += 1
    return new Promise((resolve, reject) => {
      const leave = (reason: GatewayError) => {
        waiter.stop()
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(reason)
        this.#left(reason)
      }
      const waiter = new Waiter(resolve)
      this.#waiters.push(waiter)
      waiter.callOff = limitAt(request.deadlineAt, () => {
        this.#tell('left')
        leave(deadlineExceeded(request, this.#deadlineMs))
      })
      waiter.unlink = request.onCancel(leave)
    })
  }

  #left(reason: GatewayError): void {
    this.#waiting -= 1
    if (this.#waiting === 0) this.request.cancel(reason)
  }

  #discardAnswer(): void {
    this.#answer.then(discard, nothing)
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
