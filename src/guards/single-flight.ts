import { performance } from 'node:perf_hooks'
import { isWrite } from '../cache/invalidation.ts'
import { flightKey } from '../cache/keys.ts'
import { mayBeShared, mayShareResponse } from '../cache/sharing.ts'
import { matchesVary, selectorOf, varyOf } from '../cache/vary.ts'
import { GatewayError, isFaultStatus, isUpstreamFault } from '../errors.ts'
import { TransientMap } from '../transient-map.ts'
import type { GatewayResponse, Guard, Next, Tell } from './guard.ts'
import type { GatewayRequest } from './request.ts'
import { type Ending, SharedCall, type SharedCallOptions } from './shared-call.ts'

/** A client with less time left than this would only burden the upstream with a call of its own. */
const LEAST_LEFT_MS = 50

/** For so long nobody waits for an answer like the one before, which was for one client alone. */
const APART_MS = 2_000
/** Most paths of which that is known. */
const MOST_APART = 1_000

/** What one who asks again has waited for before. */
interface Before {
  /** A call that the upstream failed: one is enough. */
  hasFailed: boolean
  /** One whose answer was for others: now it is asked for what is for this one. */
  isVariant: boolean
}
const NOTHING_YET: Before = { hasFailed: false, isVariant: false }

/**
 * Identical reads share one call. The call runs under the configured deadline, each waiter leaves at its own.
 * What turns out to be for one client only is asked for again by the others; those who come soon after do not wait
 * for the like of it at all.
 *
 * A failure may be the first one's alone: the deadline of the call counts from its arrival, and what it sent may be
 * what was refused, or what the upstream choked on. So those who came later ask again, together: two failing calls in
 * place of as many as there are waiters still spare an upstream that fails for all.
 * @param deadlineMs how long a shared call may take; infinite where no deadline is kept
 */
export function singleFlight({ deadlineMs }: { deadlineMs: number }, tell: Tell): Guard {
  const calls = new TransientMap<SharedCall>()
  const apart = keysApart()
  const options: SharedCallOptions = {
    deadlineMs,
    tell,
    ended(call) {
      if (calls.get(call.key) === call) calls.delete(call.key)
    },
  }

  function begin(key: string, request: GatewayRequest, next: Next): SharedCall {
    const shared = request.fork(performance.now() + deadlineMs)
    const call = new SharedCall(key, shared, next, options)
    calls.set(key, call)
    return call
  }

  function read(
    key: string,
    request: GatewayRequest,
    next: Next,
    before: Before = NOTHING_YET,
  ): Promise<GatewayResponse> {
    const running = calls.get(key)
    if (running !== undefined && running.request.cancelled === null)
      return join(key, running, request, next, before)
    if (apart.has(key)) return next(request)
    tell('led')
    return begin(key, request, next).lead(request)
  }

  async function join(
    key: string,
    call: SharedCall,
    request: GatewayRequest,
    next: Next,
    before: Before,
  ): Promise<GatewayResponse> {
    const ending = await call.wait(request)
    const isFailure = isOfTheUpstream(ending)
    if (hasTimeLeft(request) && (isOfTheFirstAlone(ending) || (isFailure && !before.hasFailed))) {
      tell('asked-again')
      return read(key, request, next, isFailure ? { ...before, hasFailed: true } : before)
    }
    if ('error' in ending) throw ending.error
    const { response } = ending
    const isForAll = mayShareResponse(response)
    if (isForAll && matchesVary(request, call.request, response)) {
      tell('joined')
      request.trace.isCollapsed = true
      return response
    }
    tell('asked-again')
    const varyOn = isForAll && !before.isVariant ? varyOf(response.headers) : ['*']
    if (!varyOn.includes('*'))
      return read(variantOf(key, request, varyOn), request, next, { ...before, isVariant: true })
    apart.add(key)
    return next(request)
  }

  /** Who reads after a write must not get what was asked before it. */
  function part(path: string): void {
    for (const [key, call] of calls) if (call.request.parts.path === path) calls.delete(key)
  }

  async function pass(request: GatewayRequest, next: Next): Promise<GatewayResponse> {
    const response = await next(request)
    if (isWrite(request) && response.status < 400) part(request.parts.path)
    return response
  }

  return (request, next) =>
    mayBeShared(request) ? read(flightKey(request), request, next) : pass(request, next)
}

/** The keys whose reads are not made to wait for each other, for a while. */
function keysApart() {
  const until = new Map<string, number>()
  return {
    add(key: string): void {
      if (until.size >= MOST_APART) until.clear()
      until.set(key, performance.now() + APART_MS)
    },
    has(key: string): boolean {
      const end = until.size === 0 ? undefined : until.get(key)
      if (end === undefined) return false
      if (performance.now() < end) return true
      until.delete(key)
      return false
    },
  }
}

/** Equal for those who get the same of several answers. */
function variantOf(key: string, request: GatewayRequest, varyOn: readonly string[]): string {
  return varyOn.reduce((whole, name) => `${whole}\n${name}${selectorOf(request, name)}`, key)
}

/** Its time, or what it sent: nothing of the upstream. */
function isOfTheFirstAlone(ending: Ending): boolean {
  if (!('error' in ending) || !(ending.error instanceof GatewayError)) return false
  return ending.error.code === 'deadline-exceeded' || ending.error.status < 500
}

function isOfTheUpstream(ending: Ending): boolean {
  return 'error' in ending ? isUpstreamFault(ending.error) : isFaultStatus(ending.response.status)
}

function hasTimeLeft({ deadlineAt }: GatewayRequest): boolean {
  return deadlineAt - performance.now() >= LEAST_LEFT_MS
}
