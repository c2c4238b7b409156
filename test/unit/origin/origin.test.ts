import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Areas, CREATED_AREAS_KEPT, SEEDED_AREAS } from '../../../scenarios/engine/origin/areas.ts'
import { ServiceQueue, serviceTimeMs } from '../../../scenarios/engine/origin/service-time.ts'
import { readOriginSettings } from '../../../scenarios/engine/origin/settings.ts'
import { Counters } from '../../../scenarios/engine/origin/stats.ts'

describe('the sample areas', () => {
  const newArea = {
    name: 'new',
    action: { service: 'github', event: 'push' },
    reaction: { service: 'slack', task: 'post-message' },
    enabled: true,
  }

  test('are the same 200 for the same seed, ids 1 to 200, each between two services', () => {
    const [areas, same, other] = [new Areas(1), new Areas(1), new Areas(2)]
    expect(areas.page(1, 1_000)).toEqual(same.page(1, 1_000))
    expect(areas.page(1, 1_000)).not.toEqual(other.page(1, 1_000))
    expect(areas.page(1, 1_000).map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    for (const { action, reaction } of areas.page(1, 200)) expect(action.service).not.toBe(reaction.service)
  })

  test('come in pages of about 2 kB', () => {
    const bytes = JSON.stringify(new Areas(1).page(1, 10)).length
    expect(bytes).toBeGreaterThan(1_700)
    expect(bytes).toBeLessThan(2_500)
    expect(new Areas(1).page(21, 10)).toEqual([])
  })

  test('that clients make are kept up to a bound, the newest, and never at the cost of the sample', () => {
    const areas = new Areas(1)
    const made = CREATED_AREAS_KEPT + 5
    for (let count = 0; count < made; count++) areas.add(newArea)
    expect(areas.page(1, 10_000)).toHaveLength(SEEDED_AREAS + CREATED_AREAS_KEPT)
    expect(areas.get(SEEDED_AREAS)).toBeDefined()
    expect(areas.get(SEEDED_AREAS + 5)).toBeUndefined()
    expect(areas.get(SEEDED_AREAS + made)).toBeDefined()
  })
})

describe('the service time', () => {
  const settings = { seed: 1, medianMs: 20, sigma: 0.3, capacity: 0 }

  test('is decided by seed and request alone', () => {
    expect(serviceTimeMs(settings, '1-17')).toBe(serviceTimeMs(settings, '1-17'))
    expect(serviceTimeMs(settings, '1-18')).not.toBe(serviceTimeMs(settings, '1-17'))
    expect(serviceTimeMs({ ...settings, seed: 2 }, '1-17')).not.toBe(serviceTimeMs(settings, '1-17'))
  })

  test('is log-normal over the ids of a run: median 20 ms, 68 % within a factor e^0.3 (tolerance 3 %)', () => {
    const times = Array.from({ length: 10_000 }, (_, index) => serviceTimeMs(settings, `1-${index}`))
    const share = (from: number, to: number) =>
      times.filter(ms => ms >= from && ms < to).length / times.length
    expect(Math.abs(share(0, 20) - 0.5)).toBeLessThan(0.015)
    expect(Math.abs(share(20 / Math.exp(0.3), 20 * Math.exp(0.3)) - 0.6827)).toBeLessThan(0.02)
  })
})

describe('the capacity', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('lets so many be served at once and the others wait their turn, first come first served', async () => {
    const queue = new ServiceQueue({ seed: 1, medianMs: 100, sigma: 0, capacity: 2 })
    const served: number[] = []
    for (let request = 1; request <= 5; request++)
      void queue.serve(`${request}`).then(() => served.push(request))
    await vi.advanceTimersByTimeAsync(99)
    expect(served).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(served).toEqual([1, 2])
    await vi.advanceTimersByTimeAsync(100)
    expect(served).toEqual([1, 2, 3, 4])
    await vi.advanceTimersByTimeAsync(100)
    expect(served).toEqual([1, 2, 3, 4, 5])
    void queue.serve('6').then(() => served.push(6))
    await vi.advanceTimersByTimeAsync(100)
    expect(served).toContain(6)
  })

  test('of 0 is no limit', async () => {
    const queue = new ServiceQueue({ seed: 1, medianMs: 100, sigma: 0, capacity: 0 })
    let served = 0
    for (let request = 0; request < 50; request++) void queue.serve(`${request}`).then(() => served++)
    await vi.advanceTimersByTimeAsync(100)
    expect(served).toBe(50)
  })
})

describe('the counters', () => {
  test('know a write that came twice by its key, and one that came once', () => {
    const counters = new Counters()
    const post = { route: 'POST /areas', method: 'POST' }
    counters.arrived({ ...post, requestId: '1', writeKey: 'a' })
    counters.arrived({ ...post, requestId: '2', writeKey: 'a' })
    counters.arrived({ ...post, requestId: '3', writeKey: 'b' })
    counters.arrived({ ...post, requestId: '', writeKey: '' })
    counters.left()
    expect(counters.read()).toMatchObject({
      writes: 4,
      duplicateWrites: 1,
      distinctRequestIds: 3,
      inFlight: 3,
      inFlightMax: 4,
      byMethod: { POST: 4 },
    })
  })
})

describe('the settings of the sample service', () => {
  test('have defaults', () => {
    expect(readOriginSettings({})).toEqual({
      host: '127.0.0.1',
      port: 8080,
      seed: 1,
      medianMs: 20,
      sigma: 0.3,
      capacity: 0,
    })
  })

  test('name every bad value in one line', () => {
    const bad = { PORT: '99999', SIGMA: 'wide', CAPACITY: '1.5', MEDIAN_MS: '' }
    expect(() => readOriginSettings(bad)).toThrow(
      'PORT must be a whole number from 0 to 65535, got "99999"; MEDIAN_MS must be a number from 0 to 60000, got ""; ' +
        'SIGMA must be a number from 0 to 3, got "wide"; CAPACITY must be a whole number from 0 to 1000000, got "1.5"',
    )
  })
})
