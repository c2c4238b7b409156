import { GatewayError } from '../errors.ts'
import { type Guard, type Tell, whenBodyEnds } from './guard.ts'

export interface BulkheadOptions {
  bulkheadMax: number
}

/** The calls under way, whichever list of guards let them in. */
export interface Places {
  taken: number
}

/** A refused client may try again in a second: by then these calls have ended, one way or another. */
const RETRY_AFTER_MS = 1_000

/** No more than so many calls at once: 503. A place is free again when the call has ended, body and all. */
export function bulkhead({ bulkheadMax }: BulkheadOptions, places: Places, tell: Tell): Guard {
  const leave = () => {
    places.taken -= 1
  }
  return async (request, next) => {
    if (places.taken >= bulkheadMax) {
      tell('refused')
      throw new GatewayError('bulkhead-full', `${places.taken} calls are under way, the most there may be`, {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    places.taken += 1
    tell('admitted')
    try {
      const response = await next(request)
      whenBodyEnds(response, leave)
      return response
    } catch (error) {
      leave()
      throw error
    }
  }
}
