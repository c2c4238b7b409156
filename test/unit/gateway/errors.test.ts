import { describe, expect, test } from 'vitest'
import {
  asGatewayError,
  GatewayError,
  isFaultStatus,
  isRetryable,
  isUpstreamFault,
  problemOf,
  REFUSALS,
  type RefusalCode,
  retryAfterSeconds,
} from '../../../src/errors.ts'

const codes = Object.keys(REFUSALS) as RefusalCode[]
const codesWhere = (holds: (error: GatewayError) => boolean) =>
  codes.filter(code => holds(new GatewayError(code, 'x')))

describe('the table of refusals', () => {
  test('gives every code a status, a title, and a problem of its own', () => {
    for (const code of codes) {
      const problem = JSON.parse(problemOf(new GatewayError(code, 'what happened')))
      expect(problem).toEqual({
        type: `urn:leeward:problem:${code}`,
        title: REFUSALS[code].title,
        status: REFUSALS[code].status,
        detail: 'what happened',
        code,
      })
      expect(problem.status).toBeGreaterThanOrEqual(400)
      expect(problem.status).toBeLessThan(600)
    }
  })

  test('says which are the upstream’s fault: never a client’s, never a refusal that spares it', () => {
    expect(codesWhere(isUpstreamFault)).toEqual([
      ...['upstream-unreachable', 'upstream-reset', 'upstream-malformed', 'upstream-error'],
      ...['attempt-timeout', 'deadline-exceeded', 'upstream-stalled'],
    ])
  })

  test('says which may pass on a second attempt', () => {
    expect(codesWhere(isRetryable)).toEqual(['upstream-unreachable', 'upstream-reset', 'attempt-timeout'])
  })
})

test('the statuses of a failing upstream are 500, 502, 503 and 504', () => {
  const statuses = Array.from({ length: 500 }, (_, index) => 100 + index)
  expect(statuses.filter(isFaultStatus)).toEqual([500, 502, 503, 504])
})

test('Retry-After is never "at once"', () => {
  expect([0, 1, 999, 1_000, 1_001, 2_500].map(retryAfterSeconds)).toEqual([1, 1, 1, 1, 2, 3])
})

test('what is not one of ours is internal, and its cause is kept', () => {
  const cause = new TypeError('oops')
  expect(asGatewayError(cause)).toMatchObject({ code: 'internal', status: 500, cause })
  const own = new GatewayError('draining', 'x')
  expect(asGatewayError(own)).toBe(own)
})

test('a refusal has no stack, which would cost more than all else of it, and spoils none of other errors', () => {
  expect(new GatewayError('breaker-open', 'x').stack).toBe('GatewayError: x')
  expect(new Error('x').stack).toContain('errors.test.ts')
})
