import { once } from 'node:events'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { attemptLimit } from '../../../src/guards/attempt-limit.ts'
import { bulkhead } from '../../../src/guards/bulkhead.ts'
import { deadline } from '../../../src/guards/deadline.ts'
import { compose } from '../../../src/guards/guard.ts'
import { createPlaces } from '../../../src/guards/places.ts'
import { everyPeriod, limitAt } from '../../../src/limit.ts'
import {
  answerOf,
  heldUpstream,
  outcomeOf,
  placesOf,
  requestOf,
  settle,
  teller,
  uploadOf,
} from '../../support/gateway-chain.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a limit', () => {
  test('fires at its time, not before', () => {
    const expired = vi.fn()
    limitAt(performance.now() + 100, expired)
    vi.advanceTimersByTime(99)
    expect(expired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(expired).toHaveBeenCalledOnce()
  })

  test('that is called off never fires, and leaves no timer', () => {
    const expired = vi.fn()
    limitAt(performance.now() + 100, expired).callOff()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(1_000)
    expect(expired).not.toHaveBeenCalled()
  })

  test('that never comes takes no timer', () => {
    limitAt(Number.POSITIVE_INFINITY, () => {})
    expect(vi.getTimerCount()).toBe(0)
  })
})

/** Holds the event loop, as a long computation would. */
const stall = (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('periods', () => {
  test('end one after the other, as long as each is asked to be', () => {
    const ended = vi.fn()
    let length = 100
    const stop = everyPeriod(() => length, ended)
    vi.advanceTimersByTime(99)
    expect(ended).not.toHaveBeenCalled()
    // The second has begun by now.
    vi.advanceTimersByTime(1)
    length = 300
    vi.advanceTimersByTime(399)
    expect(ended.mock.calls).toEqual([[false], [false]])
    vi.advanceTimersByTime(1)
    expect(ended.mock.calls).toEqual([[false], [false], [false]])
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('tell when the event loop stood still at their end', async () => {
    vi.useRealTimers()
    const told: boolean[] = []
    const stop = everyPeriod(
      () => 50,
      isOurs => told.push(isOurs),
    )
    stall(100)
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), { interval: 1 })
    stop()
    expect(told[0]).toBe(true)
  })
})

describe('a limit after a stall of the event loop', () => {
  test('lets an answer that is already there come first', async () => {
    vi.useRealTimers()
    const { port1, port2 } = new MessageChannel()
    const outcome = new Promise(resolve => {
      const limit = limitAt(performance.now() + 20, () => resolve('expired'))
      port2.once('message', () => {
        limit.callOff()
        resolve('answered')
      })
    })
    setImmediate(() => {
      stall(100)
      port1.postMessage('the answer, unread until the stall is over')
    })
    expect(await outcome).toBe('answered')
    port1.close()
  })

  test('still fires when nothing came', async () => {
    vi.useRealTimers()
    const outcome = new Promise(resolve => limitAt(performance.now() + 20, () => resolve('expired')))
    stall(100)
    expect(await outcome).toBe('expired')
  })
})

describe('deadline', () => {
  test('counts from arrival, not from its own turn', async () => {
    const upstream = heldUpstream()
    const request = requestOf({}, 400)
    vi.advanceTimersByTime(300)
    const outcome = outcomeOf(deadline({ deadlineMs: 400 }, () => {})(request, upstream.next))
    vi.advanceTimersByTime(99)
    expect(upstream.running.size).toBe(1)
    vi.advanceTimersByTime(1)
    expect(await outcome).toBe('deadline-exceeded')
    expect(upstream.running.size).toBe(0)
  })

  test('of a request with a body counts from the end of the body', async () => {
    const upstream = heldUpstream()
    const { source, upload } = flowing()
    const outcome = outcomeOf(
      deadline({ deadlineMs: 400 }, () => {})(requestOf({ method: 'PUT', body: upload }, 400), upstream.next),
    )
    vi.advanceTimersByTime(3_000)
    expect(upstream.running.size).toBe(1)
    await endOf(source)
    vi.advanceTimersByTime(399)
    expect(upstream.running.size).toBe(1)
    vi.advanceTimersByTime(1)
    expect(await outcome).toBe('deadline-exceeded')
  })

  test('that is the client’s own, and shorter, says nothing of the upstream', async () => {
    const upstream = heldUpstream()
    const outcomeAfter = async (deadlineMs: number) => {
      const outcome = outcomeOf(
        deadline({ deadlineMs: 400 }, () => {})(requestOf({}, deadlineMs), upstream.next),
      )
      vi.advanceTimersByTime(deadlineMs)
      return outcome
    }
    expect(await outcomeAfter(399)).toBe('client-deadline')
    // However much of a millisecond the clock shows.
    for (let count = 0; count < 50; count += 1) {
      vi.advanceTimersByTime(0.1)
      expect(await outcomeAfter(400)).toBe('deadline-exceeded')
    }
  })

  test('takes its timer away with the answer', async () => {
    await deadline({ deadlineMs: 400 }, () => {})(requestOf({}, 400), async () => answerOf())
    expect(vi.getTimerCount()).toBe(0)
  })
})

/** An upload that the upstream has begun to take. */
function flowing() {
  const source = new Readable({ read() {} })
  const upload = uploadOf(source)
  upload.resume()
  return { source, upload }
}

async function endOf(source: Readable): Promise<void> {
  const ended = once(source, 'end')
  source.push(null)
  await ended
}

describe('attempt limit', () => {
  const guard = (tell = (_what: string) => {}) => attemptLimit({ attemptLimitMs: 180 }, tell)

  test('aborts the call, and only that attempt', async () => {
    const upstream = heldUpstream()
    const { tell, told } = teller()
    const request = requestOf()
    const outcome = outcomeOf(guard(tell)(request, upstream.next))
    vi.advanceTimersByTime(180)
    expect(await outcome).toBe('attempt-timeout')
    expect(upstream.calls[0]?.request.cancelled?.code).toBe('attempt-timeout')
    expect(request.cancelled).toBeNull()
    expect(told).toEqual({ exceeded: 1 })
  })

  test('does not count the time that a body takes to arrive', async () => {
    const upstream = heldUpstream()
    const { source, upload } = flowing()
    const outcome = outcomeOf(guard()(requestOf({ method: 'PUT', body: upload }), upstream.next))
    vi.advanceTimersByTime(100)
    await endOf(source)
    vi.advanceTimersByTime(179)
    expect(upstream.running.size).toBe(1)
    vi.advanceTimersByTime(1)
    expect(await outcome).toBe('attempt-timeout')
  })

  test('counts at once where no connection takes the body', async () => {
    const upstream = heldUpstream()
    const outcome = outcomeOf(guard()(requestOf({ method: 'PUT', body: uploadOf() }), upstream.next))
    vi.advanceTimersByTime(180)
    expect(await outcome).toBe('attempt-timeout')
  })

  test('of one call leaves its siblings alone', async () => {
    const upstream = heldUpstream()
    const first = outcomeOf(guard()(requestOf(), upstream.next))
    vi.advanceTimersByTime(100)
    const siblings = Array.from({ length: 20 }, () => outcomeOf(guard()(requestOf(), upstream.next)))
    vi.advanceTimersByTime(80)
    expect(await first).toBe('attempt-timeout')
    for (const call of [...upstream.running]) call.resolve(answerOf())
    expect(new Set(await Promise.all(siblings))).toEqual(new Set([200]))
  })

  test('passes on a cancellation from outside', async () => {
    const upstream = heldUpstream()
    const request = requestOf()
    const outcome = outcomeOf(guard()(request, upstream.next))
    request.cancel(new GatewayError('client-gone', 'left'))
    expect(await outcome).toBe('client-gone')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('bulkhead', () => {
  test('frees a place when the call has ended, not when somebody stopped waiting', async () => {
    const upstream = heldUpstream()
    const guards = [
      bulkhead({ bulkheadMax: 5, bulkheadClientMax: 0 }, placesOf(), () => {}),
      attemptLimit({ attemptLimitMs: 100 }, () => {}),
    ]
    const run = compose(guards, upstream.next)
    for (let round = 0; round < 8; round += 1) {
      const outcomes = Array.from({ length: 10 }, () => outcomeOf(run(requestOf())))
      vi.advanceTimersByTime(100)
      const ended = await Promise.all(outcomes)
      expect(ended.filter(outcome => outcome === 'bulkhead-full').length).toBe(5)
    }
    expect(upstream.mostAtOnce()).toBe(5)
  })

  test('gives one client no more than its share, and forgets it with its last call', async () => {
    const upstream = heldUpstream()
    const named = vi.fn((address: string) => address.split('%')[0]!)
    const places = createPlaces(named)
    const limited = bulkhead({ bulkheadMax: 5, bulkheadClientMax: 2 }, places, () => {})
    const unlimited = bulkhead({ bulkheadMax: 5, bulkheadClientMax: 0 }, places, () => {})
    const ask = (client: string, guard = limited) => outcomeOf(guard(requestOf({ client }), upstream.next))
    const one = [ask('192.0.2.1'), ask('192.0.2.1%1')]
    expect(await ask('192.0.2.1%2')).toBe('bulkhead-full')
    const others = [ask('192.0.2.2'), ask('192.0.2.1', unlimited)]
    expect(upstream.running.size).toBe(4)
    for (const call of [...upstream.running]) call.resolve(answerOf())
    expect(await Promise.all([...one, ...others])).toEqual([200, 200, 200, 200])
    expect(places.taken).toBe(0)
    const again = [ask('192.0.2.1'), ask('192.0.2.1')]
    expect(await ask('192.0.2.1')).toBe('bulkhead-full')
    for (const call of [...upstream.running]) call.resolve(answerOf())
    expect(await Promise.all(again)).toEqual([200, 200])
  })

  test('knows no client by name where one may have all places', async () => {
    const named = vi.fn((address: string) => address)
    await bulkhead({ bulkheadMax: 5, bulkheadClientMax: 0 }, createPlaces(named), () => {})(
      requestOf(),
      async () => answerOf(),
    )
    expect(named).not.toHaveBeenCalled()
  })

  test('holds the place of a streamed answer until its body has ended', async () => {
    let end = (_reason: Error | null) => {}
    const body = {
      pipe: () => {},
      resume: () => {},
      abort: () => {},
      onEnd: (settled: (reason: Error | null) => void) => {
        end = settled
      },
    }
    const guard = bulkhead({ bulkheadMax: 1, bulkheadClientMax: 0 }, placesOf(), () => {})
    await guard(requestOf(), async () => ({ status: 200, headers: [], body }))
    expect(await outcomeOf(guard(requestOf(), async () => answerOf()))).toBe('bulkhead-full')
    end(null)
    await settle()
    expect(await outcomeOf(guard(requestOf(), async () => answerOf()))).toBe(200)
  })
})
