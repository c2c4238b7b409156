import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { type BodySource, compose } from '../../../src/guards/guard.ts'
import { singleFlight } from '../../../src/guards/single-flight.ts'
import { answerOf, heldUpstream, outcomeOf, requestOf, settle, teller } from '../../support/gateway-chain.ts'

const DEADLINE_MS = 400
let upstream: ReturnType<typeof heldUpstream>
let told: Record<string, number>
let run: ReturnType<typeof compose>
beforeEach(() => {
  vi.useFakeTimers()
  upstream = heldUpstream()
  const counting = teller()
  told = counting.told
  run = compose([singleFlight({ deadlineMs: DEADLINE_MS }, counting.tell)], upstream.next)
})
afterEach(() => void vi.useRealTimers())

const read = (parts: Parameters<typeof requestOf>[0] = {}) => {
  const request = requestOf(parts, DEADLINE_MS)
  return { request, outcome: outcomeOf(run(request)) }
}

describe('identical reads', () => {
  test('share one call, and all but the first are collapsed', async () => {
    const reads = Array.from({ length: 40 }, () => read())
    upstream.calls[0]?.resolve(answerOf())
    expect(new Set(await Promise.all(reads.map(({ outcome }) => outcome)))).toEqual(new Set([200]))
    expect(upstream.calls.length).toBe(1)
    expect(reads.filter(({ request }) => request.trace.isCollapsed).length).toBe(39)
    expect(told).toEqual({ led: 1, joined: 39 })
  })

  test('share a failure only when a second call has failed too', async () => {
    const reads = [read(), read(), read()]
    upstream.calls[0]?.reject(new GatewayError('upstream-reset', 'gone'))
    expect(await reads[0]?.outcome).toBe('upstream-reset')
    await settle()
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.reject(new GatewayError('upstream-reset', 'gone again'))
    expect(await reads[1]?.outcome).toBe('upstream-reset')
    expect(await reads[2]?.outcome).toBe('upstream-reset')
    expect(upstream.calls.length).toBe(2)
  })

  test.each(['upstream-reset', 'attempt-timeout'] as const)(
    'of which the first fails by %s: the others get the answer to one more call',
    async code => {
      const reads = Array.from({ length: 20 }, () => read())
      upstream.calls[0]?.reject(new GatewayError(code, 'what the first one sent was too much'))
      await settle()
      expect(upstream.calls.length).toBe(2)
      upstream.calls[1]?.resolve(answerOf())
      expect(await Promise.all(reads.map(({ outcome }) => outcome))).toEqual([code, ...Array(19).fill(200)])
    },
  )

  test('of which the first is answered with 500: the others get the answer to one more call', async () => {
    const reads = [read(), read(), read()]
    upstream.calls[0]?.resolve(answerOf(500))
    await settle()
    upstream.calls[1]?.resolve(answerOf())
    expect(await Promise.all(reads.map(({ outcome }) => outcome))).toEqual([500, 200, 200])
    expect(upstream.calls.length).toBe(2)
  })

  test('that come after the answer make a call of their own', async () => {
    const first = read()
    upstream.calls[0]?.resolve(answerOf())
    await first.outcome
    read()
    expect(upstream.calls.length).toBe(2)
  })
})

test.each([
  ['another path', { path: '/y' }],
  ['another route', { route: 'areas' }],
  ['another method', { method: 'HEAD' }],
  ['a write', { method: 'POST' }],
  ['an Authorization', { headers: ['authorization', 'Bearer x'] }],
  ['a Cookie', { headers: ['cookie', 'a=1'] }],
  ['a condition', { headers: ['if-none-match', '"v1"'] }],
  ['a Range', { headers: ['range', 'bytes=0-1'] }],
] as const)('%s does not share', async (_what, parts) => {
  read()
  read(parts)
  expect(upstream.calls.length).toBe(2)
})

describe('an answer that is for one client only', () => {
  test.each([
    ['set-cookie', ['set-cookie', 'a=1']],
    ['Cache-Control: private', ['cache-control', 'private']],
    ['Vary: *', ['vary', '*']],
  ])('%s: the others ask again, each for itself', async (_what, headers) => {
    const reads = [read(), read(), read()]
    upstream.calls[0]?.resolve(answerOf(200, 'first', headers))
    expect(await reads[0]?.outcome).toBe(200)
    await settle()
    expect(upstream.calls.length).toBe(3)
  })

  test('who asks soon after does not wait for the like of it', async () => {
    const reads = [read(), read()]
    upstream.calls[0]?.resolve(answerOf(200, 'first', ['cache-control', 'no-store']))
    await reads[0]?.outcome
    await settle()
    upstream.calls[1]?.resolve(answerOf(200, 'second', ['cache-control', 'no-store']))
    await reads[1]?.outcome
    const soon = [read(), read(), read()]
    expect(upstream.calls.length).toBe(5)
    for (const call of upstream.calls.slice(2)) call.resolve(answerOf())
    await Promise.all(soon.map(({ outcome }) => outcome))
    vi.advanceTimersByTime(2_000)
    read()
    read()
    expect(upstream.calls.length).toBe(6)
  })

  test('Vary: who asked the same way shares it, who did not asks again', async () => {
    const first = read({ headers: ['accept-language', 'de'] })
    const same = read({ headers: ['accept-language', 'de'] })
    const other = read({ headers: ['accept-language', 'fr'] })
    upstream.calls[0]?.resolve(answerOf(200, 'de', ['vary', 'Accept-Language']))
    expect(await Promise.all([first.outcome, same.outcome])).toEqual([200, 200])
    await settle()
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.resolve(answerOf(200, 'fr'))
    expect(await other.outcome).toBe(200)
  })

  test('Vary: those who asked another way ask again together', async () => {
    const first = read({ headers: ['accept-language', 'de'] })
    const others = Array.from({ length: 20 }, () => read({ headers: ['accept-language', 'fr'] }))
    upstream.calls[0]?.resolve(answerOf(200, 'de', ['vary', 'Accept-Language']))
    await first.outcome
    await settle()
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.resolve(answerOf(200, 'fr', ['vary', 'Accept-Language']))
    expect(new Set(await Promise.all(others.map(({ outcome }) => outcome)))).toEqual(new Set([200]))
    expect(upstream.calls.length).toBe(2)
  })

  test('Vary: a condition that reads like a variant is none', async () => {
    const first = read()
    read({ headers: ['x', '1', 'y', '2'] })
    upstream.calls[0]?.resolve(answerOf(200, 'x', ['vary', 'X, Y']))
    await first.outcome
    await settle()
    read({ headers: ['if-none-match', 'x=1', 'if-modified-since', 'y=2'] })
    expect(upstream.calls.length).toBe(3)
  })

  test.each([400, 403, 431])('a %i tells of the first request alone: the others ask again', async status => {
    const reads = [read(), read()]
    upstream.calls[0]?.resolve(answerOf(status))
    expect(await reads[0]?.outcome).toBe(status)
    await settle()
    upstream.calls[1]?.resolve(answerOf(200))
    expect(await reads[1]?.outcome).toBe(200)
  })
})

describe('a call that fails', () => {
  test('by its own deadline fails only those whose time is up too: the others ask again, together', async () => {
    const first = read()
    vi.advanceTimersByTime(300)
    const late = [read(), read(), read()]
    upstream.calls[0]?.reject(new GatewayError('deadline-exceeded', 'the first one’s time is up'))
    expect(await first.outcome).toBe('deadline-exceeded')
    await settle()
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.resolve(answerOf())
    expect(await Promise.all(late.map(({ outcome }) => outcome))).toEqual([200, 200, 200])
    expect(told['asked-again']).toBe(3)
  })

  test('by what the first one sent fails that one alone', async () => {
    const reads = [read(), read()]
    upstream.calls[0]?.reject(new GatewayError('bad-request', 'a field that cannot be passed on'))
    expect(await reads[0]?.outcome).toBe('bad-request')
    await settle()
    upstream.calls[1]?.resolve(answerOf())
    expect(await reads[1]?.outcome).toBe(200)
  })

  test('by its own deadline is not asked again for a moment’s sake', async () => {
    const first = read()
    vi.advanceTimersByTime(40)
    const soonAfter = read()
    vi.advanceTimersByTime(355)
    upstream.calls[0]?.reject(new GatewayError('deadline-exceeded', 'the first one’s time is up'))
    expect(await Promise.all([first.outcome, soonAfter.outcome])).toEqual([
      ...['deadline-exceeded', 'deadline-exceeded'],
    ])
    expect(upstream.calls.length).toBe(1)
  })

  test.each(['breaker-open', 'bulkhead-full'] as const)(
    'by %s fails for all who wait: to ask again would be refused again',
    async code => {
      const first = read()
      vi.advanceTimersByTime(300)
      const late = [read(), read()]
      upstream.calls[0]?.reject(new GatewayError(code, 'as scripted'))
      expect(await Promise.all([first, ...late].map(({ outcome }) => outcome))).toEqual([code, code, code])
      expect(upstream.calls.length).toBe(1)
    },
  )
})

describe('a write', () => {
  const write = async (status: number) => {
    const outcome = outcomeOf(run(requestOf({ method: 'POST' })))
    upstream.calls.at(-1)?.resolve(answerOf(status))
    await outcome
  }

  test('parts those who read after it from a call that was made before it', async () => {
    const before = read()
    await write(200)
    const after = read()
    expect(upstream.calls.length).toBe(3)
    upstream.calls[2]?.resolve(answerOf(200, 'new'))
    upstream.calls[0]?.resolve(answerOf(200, 'old'))
    expect(await Promise.all([before.outcome, after.outcome])).toEqual([200, 200])
    expect(told.joined).toBeUndefined()
  })

  test('that was refused parts nobody, nor does one elsewhere', async () => {
    read()
    await write(409)
    run(requestOf({ method: 'DELETE', path: '/elsewhere' }))
    upstream.calls.at(-1)?.resolve(answerOf(204))
    await settle()
    read()
    expect(upstream.calls.length).toBe(3)
  })
})

describe('waiters', () => {
  const hurried = (deadlineMs: number) => {
    const request = requestOf({}, deadlineMs)
    return { request, outcome: outcomeOf(run(request)) }
  }

  test('leave at their own deadline, the call goes on for the others', async () => {
    const first = read()
    const soon = hurried(100)
    vi.advanceTimersByTime(100)
    expect(await soon.outcome).toBe('client-deadline')
    expect(upstream.running.size).toBe(1)
    upstream.calls[0]?.resolve(answerOf())
    expect(await first.outcome).toBe(200)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the first among them, too, where it asks for a shorter deadline than the call has', async () => {
    const first = hurried(100)
    const second = read()
    vi.advanceTimersByTime(100)
    expect(await first.outcome).toBe('client-deadline')
    expect(upstream.running.size).toBe(1)
    upstream.calls[0]?.resolve(answerOf())
    expect(await second.outcome).toBe(200)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('who has the deadline of the call needs none of its own', () => {
    read()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the call ends with the last of them, for the reason it left', async () => {
    const [one, other] = [read(), read()]
    one.request.cancel(new GatewayError('client-gone', 'left'))
    await settle()
    expect(upstream.running.size).toBe(1)
    other.request.cancel(new GatewayError('client-gone', 'left too'))
    expect([await one.outcome, await other.outcome]).toEqual(['client-gone', 'client-gone'])
    expect(upstream.calls[0]?.request.cancelled?.code).toBe('client-gone')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the last of them, who leaves at a shorter deadline of its own, says nothing of the upstream', async () => {
    const outcome = outcomeOf(run(requestOf({}, 100)))
    vi.advanceTimersByTime(100)
    expect(await outcome).toBe('client-deadline')
    expect(upstream.calls[0]?.request.cancelled?.code).toBe('client-deadline')
  })

  test('once it has its answer, the first is not held by the call any more, nor holds it', async () => {
    const first = read()
    upstream.calls[0]?.resolve(answerOf())
    expect(await first.outcome).toBe(200)
    first.request.cancel(new GatewayError('client-gone', 'left within the body'))
    expect(upstream.calls[0]?.request.cancelled).toBeNull()
  })

  test('nobody joins a call that has been given up', async () => {
    const first = read()
    first.request.cancel(new GatewayError('client-gone', 'left'))
    const second = read()
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.resolve(answerOf())
    expect(await second.outcome).toBe(200)
  })

  test('a stream whose first waiter has left is ended, and the others ask again', async () => {
    const [first, second] = [read(), read()]
    first.request.cancel(new GatewayError('client-gone', 'left'))
    const abort = vi.fn()
    const body: BodySource = { pipe: () => {}, resume: () => {}, onEnd: () => {}, abort }
    upstream.calls[0]?.resolve({ status: 200, headers: [], body })
    await settle()
    expect(abort).toHaveBeenCalledOnce()
    expect(upstream.calls.length).toBe(2)
    upstream.calls[1]?.resolve(answerOf())
    expect(await second.outcome).toBe(200)
  })
})
