import { answerFrom, traceHit } from '../cache/answer.ts'
import { consult, digest } from '../cache/consult.ts'
import { changedPaths, type UpstreamAddress } from '../cache/invalidation.ts'
import { createRefresh } from '../cache/refresh.ts'
import { createShelf, type Place, type UnderWay } from '../cache/shelf.ts'
import type { CacheEntry, CacheStore } from '../cache/store.ts'
import type { CacheRules } from '../cache/storing.ts'
import { isFor, mayStandIn, useOf } from '../cache/use.ts'
import { epochNow } from '../epoch-now.ts'
import { allowsStale, asGatewayError, GatewayError } from '../errors.ts'
import { discard, type GatewayResponse, type Guard, type Next, type Tell } from './guard.ts'
import type { GatewayRequest } from './request.ts'

export interface CacheOptions extends CacheRules, UpstreamAddress {
  /** How long a refresh in the background may take. */
  deadlineMs: number
}

/**
 * Answers what is known; when the upstream fails, what was known, inside its bound.
 * What it did is told in the request's trace.
 */
export function cache(store: CacheStore, options: CacheOptions, tell: Tell, underWay?: UnderWay): Guard {
  const shelf = createShelf(store, options, underWay)
  const refresh = createRefresh(shelf, options, tell)

  /** Past the store; a write makes it forget. */
  async function pass(request: GatewayRequest, next: Next): Promise<GatewayResponse> {
    request.trace.forwarded = request.terms.bypass
    tell('bypass')
    const response = await next(request)
    for (const path of changedPaths(request, response, options)) shelf.forget(path, request.parts.origin)
    return response
  }

  function serve(place: Place, request: GatewayRequest, next: Next): Promise<GatewayResponse> {
    const { entry, variants } = place
    const known = entry !== undefined && isFor(entry, request.terms, variants?.varyOn) ? entry : undefined
    if (known !== undefined) {
      const now = epochNow()
      const use = useOf(known, request.terms, now)
      if (use !== undefined) {
        tell(use)
        if (use === 'stale-while-revalidate') refresh(place, known, request, next)
        traceHit(request.trace, known, now)
        return Promise.resolve(answerFrom(request, known, now))
      }
    }
    if (request.terms.isOnlyIfCached) return Promise.reject(notCached())
    tell('miss')
    request.trace.forwarded = missOf(place, known)
    return askUpstream(place, known, request, next)
  }

  async function askUpstream(
    place: Place,
    known: CacheEntry | undefined,
    request: GatewayRequest,
    next: Next,
  ) {
    const call = shelf.begin(place, request)
    try {
      const { response, isFault } =
        known === undefined
          ? digest(call, known, request, await next(request))
          : await consult(call, known, request, next)
      if (request.hasLeft) return response
      if (request.trace.isStored) tell('stored')
      if (!isFault) return response
      discard(response)
      return standIn(request, known!, `upstream-${response.status}`)
    } catch (error) {
      if (request.hasLeft || !allowsStale(error) || !mayStandIn(known, epochNow())) throw error
      return standIn(request, known, asGatewayError(error).code)
    } finally {
      call.end()
    }
  }

  function standIn(request: GatewayRequest, known: CacheEntry, detail: string): GatewayResponse {
    tell('stale-if-error')
    const now = epochNow()
    request.trace.detail = detail
    traceHit(request.trace, known, now)
    return answerFrom(request, known, now)
  }

  return (request, next) => {
    if (request.terms.bypass !== undefined) return pass(request, next)
    const place = shelf.find(request)
    return place instanceof Promise
      ? place.then(found => serve(found, request, next))
      : serve(place, request, next)
  }
}

function notCached(): GatewayError {
  return new GatewayError('not-cached', 'only-if-cached was asked for, and nothing that is stored will do')
}

/** Why the upstream has to be asked. */
function missOf({ entry, variants }: Place, known: CacheEntry | undefined) {
  if (known !== undefined) return epochNow() < known.freshUntil ? 'request' : 'stale'
  if (entry !== undefined) return 'bypass'
  return variants === undefined ? 'uri-miss' : 'vary-miss'
}
