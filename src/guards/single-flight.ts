import { matchesVary, mayBeShared, mayShareResponse, resourceKey } from '../cache/policy.ts'
import type { GatewayError } from '../errors.ts'
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
}

/**
 * Identical reads share one call. The call runs under the configured deadline, each waiter leaves at its own.
 * What turns out to be for one client only is asked for again by the others.
 * @param deadlineMs how long a shared call may take; infinite where no deadline is kept
 */
export function singleFlight({ deadlineMs }: { deadlineMs: number }, tell: Tell): Guard {
  const calls = new Map<string, SharedCall>()

  function begin(key: string, request: GatewayRequest, next: Next): SharedCall {
    const now = performance.now()
    const shared = request.fork(now + deadlineMs)
    const answer = next(shared)
    const call = { request: shared, answer, waiting: 0 }
    const end = () => {
      if (calls.get(key) === call) calls.delete(key)
    }
    answer.then(end, end)
    calls.set(key, call)
    return call
  }

  return async (request, next) => {
    if (!mayBeShared(request)) return next(request)
    const key = resourceKey(request)
    const running = calls.get(key)
    if (running === undefined || running.request.cancelled !== null) {
      tell('led')
      return lead(request, begin(key, request, next), tell)
    }
    const response = await wait(request, running, tell)
    if (mayShareResponse(response) && matchesVary(request, running.request, response)) {
      tell('joined')
      request.trace.isCollapsed = true
      return response
    }
    tell('asked-again')
    return next(request)
  }
}

/** The first waiter alone can have a streamed answer; if it has left by then, the stream is ended. */
async function lead(request: GatewayRequest, call: SharedCall, tell: Tell): Promise<GatewayResponse> {
  try {
    return await wait(request, call, tell)
  } catch (error) {
    call.answer.then(discard, () => {})
    throw error
  }
}

/** Waits for a shared call until the answer, the waiter's own deadline, or its cancellation. */
function wait(request: GatewayRequest, call: SharedCall, tell: Tell): Promise<GatewayResponse> {
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
      leave(deadlineExceeded(request))
    })
    let unlink = () => {}
    unlink = request.onCancel(leave)
    call.answer.then(
      response => {
        if (!isWaiting) return
        stop()
        resolve(response)
      },
      error => {
        if (!isWaiting) return
        stop()
        reject(error)
      },
    )
  })
}
