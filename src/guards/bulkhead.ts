import { GatewayError } from '../errors.ts'
import { type Guard, type Tell, whenBodyEnds } from './guard.ts'
import type { PlaceLimits, Places } from './places.ts'

/** A refused client may try again in a second: by then these calls have ended, one way or another. */
const RETRY_AFTER_MS = 1_000

/** No more than so many calls at once: 503. A place is free again when the call has ended, body and all. */
export function bulkhead(limits: PlaceLimits, places: Places, tell: Tell): Guard {
  return (request, next) => {
    const { client } = request.parts
    const problem = places.problem(limits, client)
    if (problem !== undefined) {
      tell('refused')
      return Promise.reject(new GatewayError('bulkhead-full', problem, { retryAfterMs: RETRY_AFTER_MS }))
    }
    const leave = places.take(limits, client)
    tell('admitted')
    const answer = next(request)
    answer.then(response => whenBodyEnds(response, leave), leave)
    return answer
  }
}
