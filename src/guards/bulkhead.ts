import { GatewayError } from '../errors.ts'
import { type Guard, type Tell, whenBodyEnds } from './guard.ts'

/** A refused client may try again in a second: by then these calls have ended, one way or another. */
const RETRY_AFTER_MS = 1_000

/** No more than so many calls at once: 503. A place is free again when the call has ended, body and all. */
export function bulkhead({ bulkheadMax }: { bulkheadMax: number }, tell: Tell): Guard {
  let taken = 0
  const leave = () => {
    taken -= 1
  }
  return async (request, next) => {
    if (taken >= bulkheadMax) {
      tell('refused')
      throw new GatewayError('bulkhead-full', `${taken} calls are under way, the most there may be`, {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    taken += 1
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
