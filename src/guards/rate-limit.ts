import { GatewayError, retryAfterSeconds } from '../errors.ts'
import type { Guard, RateVerdict, Tell } from './guard.ts'

/** Refuses what this client may not ask: 429 with `Retry-After`, and says on every answer what is left. */
export function rateLimit(tell: Tell): Guard {
  return async (request, next) => {
    const verdict = await request.parts.checkRate()
    const fields = rateLimitFields(verdict)
    if (verdict.isExceeded) {
      tell('refused')
      throw new GatewayError(
        'rate-limited',
        `more than ${verdict.max} requests in ${verdict.windowMs} ms; wait ${verdict.resetMs} ms`,
        { retryAfterMs: verdict.resetMs, headers: fields },
      )
    }
    tell('admitted')
    const response = await next(request)
    return { ...response, headers: response.headers.concat(fields) }
  }
}

/** The fields of draft-ietf-httpapi-ratelimit-headers-10; the plugin knows only their forerunners. */
function rateLimitFields({ max, remaining, windowMs, resetMs }: RateVerdict): string[] {
  return [
    'RateLimit-Policy',
    `"default";q=${max};w=${Math.max(1, Math.ceil(windowMs / 1000))}`,
    'RateLimit',
    `"default";r=${remaining};t=${retryAfterSeconds(resetMs)}`,
  ]
}
