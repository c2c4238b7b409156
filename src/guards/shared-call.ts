// One call to the upstream that several clients wait for.
import type { GatewayError } from '../errors.ts'
import { type Limit, limitAt } from '../limit.ts'
import { deadlineExceeded } from './deadline.ts'
import { discard, type GatewayResponse, type Next, type Tell } from './guard.ts'
import type { Cancellable, GatewayRequest } from './request.ts'

/** How a shared call ended for one who waited until it did. */
export type Ending = { response: GatewayResponse } | { error: unknown }

/** A leader whose own time is up within this of the call's waits for the call: it has a limit already. */
const SAME_DEADLINE_MS = 5

/** What the shared calls of one gateway have in common. */
export interface SharedCallOptions {
  /** How long one may take: a waiter who leaves earlier says nothing of the upstream. */
  readonly deadlineMs: number
  readonly tell: Tell
  /** Told once of each call that has ended, before those who wait are. */
  ended(call: SharedCall): void
}

/** It ends itself when the last of those who wait has left. */
export class SharedCall {
  readonly key: string
  readonly request: GatewayRequest
  readonly #options: SharedCallOptions
  readonly #answer: Promise<GatewayResponse>
  #waiters: Waiter[] = []
  /** Who shares the call's own promise. */
  #leader: GatewayRequest | undefined
  #waiting = 0

  constructor(key: string, request: GatewayRequest, next: Next, options: SharedCallOptions) {
    this.key = key
    this.request = request
    this.#options = options
    this.#answer = next(request)
    this.#answer.then(
      response => this.#end({ response }),
      error => this.#end({ error }),
    )
  }

  /** For who asks first; it alone can have a streamed answer, and if it has left by then, the stream is ended. */
  lead(request: GatewayRequest): Promise<GatewayResponse> {
    if (this.request.deadlineAt - request.deadlineAt >= SAME_DEADLINE_MS) return this.#leadUntil(request)
    this.#waiting += 1
    this.#leader = request
    request.link(this)
    return this.#answer
  }

  /** The leader has left. */
  cancel(reason: GatewayError): void {
    this.#answer.then(discard, nothing)
    this.#left(reason)
  }

  /** Waits until it ends; rejects at the waiter's own deadline, or its cancellation. */
  wait(request: GatewayRequest): Promise<Ending> {
    this.#waiting += 1
    return new Promise((resolve, reject) => {
      const left = (waiter: Waiter, reason: GatewayError) => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(reason)
        this.#left(reason)
      }
      const waiter = new Waiter(request, this.#options, resolve, left)
      this.#waiters.push(waiter)
      request.link(waiter)
    })
  }

  #leadUntil(request: GatewayRequest): Promise<GatewayResponse> {
    return this.wait(request).then(
      ending => {
        if ('error' in ending) throw ending.error
        return ending.response
      },
      reason => {
        this.#answer.then(discard, nothing)
        throw reason
      },
    )
  }

  #left(reason: GatewayError): void {
    this.#waiting -= 1
    if (this.#waiting === 0) this.request.cancel(reason)
  }

  #end(ending: Ending): void {
    this.#options.ended(this)
    // A leader may be busy with its answer for long: it holds on to nobody.
    this.#leader?.unlink(this)
    this.#leader = undefined
    for (const waiter of this.#waiters) waiter.end(ending)
    this.#waiters = []
  }
}

const nothing = () => {}

/** One who waits for a shared call, until it ends or the waiter leaves. */
class Waiter implements Cancellable {
  readonly #request: GatewayRequest
  readonly #resolve: (ending: Ending) => void
  readonly #left: (waiter: Waiter, reason: GatewayError) => void
  readonly #limit: Limit

  constructor(
    request: GatewayRequest,
    { tell, deadlineMs }: SharedCallOptions,
    resolve: (ending: Ending) => void,
    left: (waiter: Waiter, reason: GatewayError) => void,
  ) {
    this.#request = request
    this.#resolve = resolve
    this.#left = left
    this.#limit = limitAt(request.deadlineAt, () => {
      tell('left')
      this.#stop()
      left(this, deadlineExceeded(request, deadlineMs))
    })
  }

  cancel(reason: GatewayError): void {
    this.#limit.callOff()
    this.#left(this, reason)
  }

  end(ending: Ending): void {
    this.#stop()
    this.#resolve(ending)
  }

  #stop(): void {
    this.#limit.callOff()
    this.#request.unlink(this)
  }
}
