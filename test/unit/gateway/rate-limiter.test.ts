import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RateLimitOptions, RateVerdict } from '../../../src/guards/rate-limit.ts'
import { createRateLimiter, type RateLimiter } from '../../../src/limiter/rate-limiter.ts'
import { remember } from '../../../src/limiter/remember.ts'

let app: FastifyInstance
let limiter: RateLimiter
beforeEach(async () => {
  vi.useFakeTimers()
  app = fastify()
  limiter = await createRateLimiter(app)
  await app.ready()
})
afterEach(async () => {
  vi.useRealTimers()
  await app.close()
})

const OPTIONS = { rateLimitMax: 10, rateLimitWindowMs: 1_000, rateLimitBurst: 5 }

/** A check that answers at once, as it must where no Redis is. */
function checkUnder(options: Partial<RateLimitOptions> = {}) {
  const check = limiter.checkUnder({ ...OPTIONS, ...options })
  return (client: string, route: 'proxy' | 'areas' = 'proxy') =>
    check(client, route, Number.POSITIVE_INFINITY) as RateVerdict
}

const admitted = (check: ReturnType<typeof checkUnder>, client: string, asks: number) =>
  Array.from({ length: asks }, () => check(client)).filter(({ isExceeded }) => !isExceeded).length

describe('a client', () => {
  test('may ask for a burst at once, then at the rate', () => {
    const check = checkUnder()
    expect(admitted(check, '192.0.2.1', 20)).toBe(5)
    vi.advanceTimersByTime(100)
    expect(admitted(check, '192.0.2.1', 20)).toBe(1)
    vi.advanceTimersByTime(60_000)
    expect(admitted(check, '192.0.2.1', 20)).toBe(5)
  })

  test('is told what is left, and when there will be more', () => {
    const check = checkUnder()
    const told = () => {
      const { isExceeded, remaining, waitMs } = check('192.0.2.1')
      return [isExceeded, remaining, Math.round(waitMs)]
    }
    expect(told()).toEqual([false, 4, 100])
    vi.advanceTimersByTime(30)
    expect(told()).toEqual([false, 3, 70])
    admitted(check, '192.0.2.1', 3)
    expect(told()).toEqual([true, 0, 70])
  })

  test('has a bucket of its own on each route', () => {
    const check = checkUnder({ rateLimitBurst: 1 })
    expect([check('192.0.2.1', 'proxy'), check('192.0.2.1', 'areas')].map(one => one.isExceeded)).toEqual([
      ...[false, false],
    ])
    expect(check('192.0.2.1', 'areas').isExceeded).toBe(true)
  })

  test.each([
    ['two addresses', '192.0.2.1', '192.0.2.2', 2],
    ['two networks', '2001:db8:0:1::1', '2001:db8:0:2::1', 2],
    ['two addresses of one /64', '2001:db8:0:1::1', '2001:DB8:0:1:ffff::2', 1],
    ['an IPv4 address and its IPv6 form', '192.0.2.1', '::ffff:192.0.2.1', 1],
    ['two ports of an address', '192.0.2.1:40001', '192.0.2.1:40002', 1],
    ['an address with a port and without', '192.0.2.1:40001', '192.0.2.1', 1],
    ['two ports of an IPv6 address', '[2001:db8:0:1::1]:40001', '[2001:db8:0:1::1]:40002', 1],
    ['an IPv6 address with a port and without', '[2001:db8:0:1::1]:40001', '2001:db8:0:1::1', 1],
    ['two IPv6 networks with ports', '[2001:db8:0:1::1]:40001', '[2001:db8:0:2::1]:40001', 2],
  ])('%s are so many clients', (_what, one, other, clients) => {
    const check = checkUnder({ rateLimitBurst: 1 })
    expect([check(one), check(other)].filter(({ isExceeded }) => !isExceeded).length).toBe(clients)
  })
})

test('what was counted outlives a change of the settings', () => {
  expect(admitted(checkUnder(), '192.0.2.1', 4)).toBe(4)
  const changed = checkUnder({ rateLimitBurst: 6 })
  expect(admitted(changed, '192.0.2.1', 10)).toBe(2)
})

describe('what is remembered', () => {
  test('is made once, and is bounded; what is asked for again in time stays', () => {
    const made: string[] = []
    const lengthOf = remember(100, key => {
      made.push(key)
      return { length: key.length }
    })
    for (let round = 0; round < 1_000; round += 1) {
      expect(lengthOf('often')).toEqual({ length: 5 })
      lengthOf(`once ${round}`)
    }
    expect(made.filter(key => key === 'often').length).toBe(1)
    // 1,000 others have passed: the first is long forgotten.
    lengthOf('once 0')
    expect(made.filter(key => key === 'once 0').length).toBe(2)
  })
})
