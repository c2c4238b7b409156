// Whatever an upstream says or leaves unsaid, short of "this is for all": nobody gets what was made for another.
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import { cache } from '../../../src/guards/cache.ts'
import { compose, type Next } from '../../../src/guards/guard.ts'
import type { GatewayRequest } from '../../../src/guards/request.ts'
import { singleFlight } from '../../../src/guards/single-flight.ts'
import { headerOf } from '../../../src/headers.ts'
import { answerOf, CACHE_OPTIONS, requestOf } from '../../support/gateway-chain.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const FIELDS = ['cookie', 'authorization', 'x-api-key', 'private-token', 'x-remote-user'] as const
const users = fc.oneof(
  fc.constant([]),
  fc.tuple(fc.constantFrom(...FIELDS), fc.constantFrom('one', 'two', 'three')),
)
const said = fc.record({
  cacheControl: fc.constantFrom(
    ...[
      '',
      'max-age=5',
      'max-age=5, stale-while-revalidate=60',
      'no-cache',
      'max-age=0',
      'private',
      'no-store',
    ],
    ...['private="x", max-age=9', 'MAX-AGE=5, No-Store', 'max-age=5, stale-if-error=60', 'must-revalidate'],
  ),
  vary: fc.constantFrom('', '', 'Cookie', 'Accept, X-Api-Key', '*'),
  setsCookie: fc.boolean(),
  // A careless one has the same ETag for everybody.
  etag: fc.constantFrom('none', 'own', 'careless'),
  status: fc.constantFrom(200, 200, 200, 404, 401, 503),
})
const steps = fc.array(
  fc.record({
    readers: fc.array(fc.tuple(users, fc.constantFrom('', 'no-cache', 'max-stale', 'max-age=0')), {
      minLength: 1,
      maxLength: 4,
    }),
    said,
    waitMs: fc.constantFrom(0, 1_000, 10_000),
  }),
  { minLength: 2, maxLength: 12 },
)
type Said = typeof said extends fc.Arbitrary<infer T> ? T : never

const nameOf = (request: GatewayRequest) =>
  FIELDS.map(name => request.header(name)).find(name => name !== undefined) ?? 'nobody'

/** Tells everybody who they are, and hands out sessions. */
function whoami({ cacheControl, vary, setsCookie, etag, status }: Said, newSession: () => string): Next {
  return async request => {
    const name = nameOf(request)
    const headers = ['x-name', name]
    if (cacheControl !== '') headers.push('cache-control', cacheControl)
    if (vary !== '') headers.push('vary', vary)
    if (setsCookie) headers.push('set-cookie', newSession())
    const tag = etag === 'own' ? `"${name}"` : '"v1"'
    if (etag !== 'none') headers.push('etag', tag)
    if (etag !== 'none' && request.header('if-none-match') === tag) return answerOf(304, '', headers)
    return answerOf(status, name, headers)
  }
}

test('every reader gets its own answer, or one that was made for nobody in particular', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async steps => {
      let upstream: Next = async () => answerOf()
      let sessions = 0
      const handedOut = new Set<string>()
      const guards = [
        cache(memoryStore({ cacheMaxBytes: 100_000 }), CACHE_OPTIONS, () => {}),
        singleFlight({ deadlineMs: 400 }, () => {}),
      ]
      const run = compose(guards, request => upstream(request))
      for (const step of steps) {
        upstream = whoami(step.said, () => `session=${++sessions}`)
        const requests = step.readers.map(([user, directive]) =>
          requestOf({ headers: [...user, ...(directive === '' ? [] : ['cache-control', directive])] }, 400),
        )
        const answers = await Promise.all(requests.map(run))
        for (const [index, { headers, body }] of answers.entries()) {
          const mine = [nameOf(requests[index]!), 'nobody']
          expect(mine).toContain(String(body))
          expect(mine).toContain(headerOf(headers, 'x-name'))
          const session = headerOf(headers, 'set-cookie')
          if (session === undefined) continue
          expect(handedOut).not.toContain(session)
          handedOut.add(session)
        }
        vi.advanceTimersByTime(step.waitMs)
      }
    }),
    { seed: 9111, numRuns: 400 },
  )
})
