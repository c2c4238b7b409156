import { isWrite } from '../cache/invalidation.ts'
import { flightKey } from '../cache/keys.ts'
import { mayBeShared, mayShareResponse } from '../cache/sharing.ts'
import { matchesVary, selectorOf, varyOf } from '../cache/vary.ts'
import { GatewayError } from '../errors.ts'
import { limitAt } from '../limit.ts'
import { deadlineExceeded } from './deadline.ts'
import {
  discard,
  type GatewayRequest,
  type GatewayResponse,
  type Guard,
  type Next,
  type Tell,
} from './guard.ts'

/** One call that several clients wait for. It ends itself when the last of them has left. */
interface SharedCall {
  readonly request: GatewayRequest
  readonly answer: Promise<GatewayResponse>
  waiting: number
  /** How long it may take. */
  readonly deadlineMs: number
}

/** How a shared call ended for one who waited until it did. */
type Ending = { response: GatewayResponse } | { error: unknown }

/** A client with less time left than this would only burden the upstream with a call of its own. */
const LEAST_LEFT_MS = 50

/**
 * Identical reads share one call. The call runs under the configured deadline, each waiter leaves at its own.
 * What turns out to be for one client only is asked for again by the others.
 *
 * A failure of the upstream is everybody's: one failing call in place of as many as there are waiters is what spares
 * it. What is the first one's alone is not: the deadline of the call counts from its arrival, and what it sent may be
 * what was refused. Then those who came later ask again, together.
 * @param deadlineMs how long a shared call may take; infinite where no deadline is kept
 */
export function singleFlight({ deadlineMs }: { deadlineMs: number }, tell: Tell): Guard {
  const calls = new Map<string, SharedCall>()

  function begin(key: string, request: GatewayRequest, next: Next): SharedCall {
    const now = performance.now()
    const shared = request.fork(now + deadlineMs)
    const answer = next(shared)
    const call = { request: shared, answer, waiting: 0, deadlineMs }
    const end = () => {
      if (calls.get(key) === call) calls.delete(key)
    }
    answer.then(end, end)
    calls.set(key, call)
    return call
  }

  async function join(
    key: string,
    request: GatewayRequest,
    next: Next,
    isOneVariant = false,
  ): Promise<GatewayResponse> {
    const running = calls.get(key)
    if (running === undefined || running.request.cancelled !== null) {
      tell('led')
      return lead(request, begin(key, request, next), tell)
    }
    const ending = await wait(request, running, tell)
    if ('error' in ending) {
      if (!isOfTheFirstAlone(ending.error) || !hasTimeLeft(request)) throw ending.error
      tell('asked-again')
      return join(key, request, next, isOneVariant)
    }
    const { response } = ending
    const isForAll = mayShareResponse(response)
    if (isForAll && matchesVary(request, running.request, response)) {
      tell('joined')
      request.trace.isCollapsed = true
      return response
    }
    tell('asked-again')
    const varyOn = isForAll && !isOneVariant ? varyOf(response.headers) : ['*']
    return varyOn.includes('*') ? next(request) : join(variantOf(key, request, varyOn), request, next, true)
  }

  /** Who reads after a write must not get what was asked before it. */
  function part(path: string): void {
    for (const [key, call] of calls) if (call.request.parts.path === path) calls.delete(key)
  }

  return async (request, next) => {
    if (mayBeShared(request)) return join(flightKey(request), request, next)
    const response = await next(request)
    if (isWrite(request) && response.status < 400) part(request.parts.path)
    return response
  }
}

/** Equal for those who get the same of several answers. */
function variantOf(key: string, request: GatewayRequest, varyOn: readonly string[]): string {
  return varyOn.reduce((whole, name) => `${whole}\n${name}${selectorOf(request, name)}`, key)
}

/** Its time, or what it sent: nothing of the upstream. */
function isOfTheFirstAlone(error: unknown): boolean {
  return error instanceof GatewayError && (error.code === 'deadline-exceeded' || error.status < 500)
}

function hasTimeLeft({ deadlineAt }: GatewayRequest): boolean {
  return deadlineAt - performance.now() >= LEAST_LEFT_MS
}

/** The first waiter alone can have a streamed answer; if it has left by then, the stream is ended. */
async function lead(request: GatewayRequest, call: SharedCall, tell: Tell): Promise<GatewayResponse> {
  try {
    const ending = await wait(request, call, tell)
    if ('error' in ending) throw ending.error
    return ending.response
  } catch (error) {
    call.answer.then(discard, () => {})
    throw error
  }
}

/** Waits for a shared call until it ends; rejects at the waiter's own deadline, or its cancellation. */
function wait(request: GatewayRequest, call: SharedCall, tell: Tell): Promise<Ending> {
  call.waiting += 1
  return new Promise((resolve, reject) => {
    let isWaiting = true
    const stop = () => {
      isWaiting = false
      callOff()
      unlink()
      call.waiting -= 1
    }
    const leave = (reason: GatewayError) => {
      if (!isWaiting) return
      stop()
      reject(reason)
      if (call.waiting === 0) call.request.cancel(reason)
    }
    const callOff = limitAt(request.deadlineAt, () => {
      tell('left')
      leave(deadlineExceeded(request, call.deadlineMs))
    })
    let unlink = () => {}
    unlink = request.onCancel(leave)
    const end = (ending: Ending) => {
      if (!isWaiting) return
      stop()
      resolve(ending)
    }
    call.answer.then(
      response => end({ response }),
      error => end({ error }),
    )
  })
}
