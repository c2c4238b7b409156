import { GatewayError, retryAfterSeconds } from '../errors.ts'
import type { GatewayResponse, Guard, Next, Tell } from './guard.ts'
import type { GatewayRequest, Route } from './request.ts'

export interface RateLimitOptions {
  /** So many requests … */
  rateLimitMax: number
  /** … in so long … */
  rateLimitWindowMs: number
  /** … of which so many may come at once. */
  rateLimitBurst: number
}

/** What the limiter found for one request of one client. */
export interface RateVerdict {
  isExceeded: boolean
  /** How many more it would admit now. */
  remaining: number
  /** Until it would admit one more than that. */
  waitMs: number
}

/**
 * Counts a request of this client on this route; answers at once where it counts in this process.
 * @param waitUntil on the clock of `performance.now()`: nobody else is asked for longer
 */
export type RateCheck = (
  client: string,
  route: Route,
  waitUntil: number,
) => RateVerdict | Promise<RateVerdict>

/** Refuses what this client may not ask: 429 with `Retry-After`, and says on every answer what is left. */
export function rateLimit(options: RateLimitOptions, check: RateCheck, tell: Tell): Guard {
  const policy = policyOf(options)

  function admit(request: GatewayRequest, next: Next, verdict: RateVerdict): Promise<GatewayResponse> {
    request.ownFields = ['RateLimit-Policy', policy, 'RateLimit', limitOf(verdict)]
    if (verdict.isExceeded) {
      tell('refused')
      return Promise.reject(rateLimited(options, verdict))
    }
    tell('admitted')
    return next(request)
  }

  return (request, next) => {
    const { client, route } = request.parts
    const verdict = check(client, route, request.deadlineAt)
    return verdict instanceof Promise
      ? verdict.then(found => admit(request, next, found))
      : admit(request, next, verdict)
  }
}

function rateLimited(options: RateLimitOptions, { waitMs }: RateVerdict): GatewayError {
  const { rateLimitMax, rateLimitWindowMs, rateLimitBurst } = options
  const limit = `${rateLimitMax} requests in ${rateLimitWindowMs} ms, ${rateLimitBurst} at once`
  return new GatewayError('rate-limited', `more than ${limit}; wait ${Math.ceil(waitMs)} ms`, {
    retryAfterMs: waitMs,
  })
}

/**
 * `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10; the plugin knows only its forerunner.
 * Windows are whole seconds there, so a finer one is told as its rate.
 */
function policyOf({ rateLimitMax, rateLimitWindowMs, rateLimitBurst }: RateLimitOptions): string {
  const seconds = Math.ceil(rateLimitWindowMs / 1000)
  const quota = Math.floor((rateLimitMax * seconds * 1000) / rateLimitWindowMs)
  const burst = rateLimitBurst === quota ? '' : `;leeward-burst=${rateLimitBurst}`
  return `"default";q=${quota};w=${seconds}${burst}`
}

/** `RateLimit` of the same draft: `t` is the time until there is more than `r`. */
function limitOf({ remaining, waitMs }: RateVerdict): string {
  return `"default";r=${remaining};t=${retryAfterSeconds(waitMs)}`
}
