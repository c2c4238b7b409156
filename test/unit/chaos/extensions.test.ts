// The toxics that the real server does not have, on a clock of our own.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { valueProblems } from '../../../chaos/proxy/value-problems.ts'
import { randomStream } from '../../../chaos/random/seed.ts'
import { quantileSorted } from '../../../scenarios/engine/measure/statistics.ts'
import { stageOf, stageWith, toxicOf } from '../../support/staged-toxic.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const DRAWS = 10_000
/** How far a quantile of so many draws, in whole ms, may be from the one asked for. */
const TOLERANCE = 0.08

/** What the toxic does to chunks that come one at a time, in ms, smallest first. */
async function delaysOf(type: string, attributes: Parameters<typeof stageOf>[1], seed = 1) {
  const { came, push } = stageOf(type, attributes, { random: randomStream(seed, type) })
  const delays: number[] = []
  for (let draw = 0; draw < DRAWS; draw++) {
    const pushedAt = performance.now()
    push('x')
    await vi.runAllTimersAsync()
    delays.push(performance.now() - pushedAt)
  }
  expect(came.length).toBe(DRAWS)
  return Float64Array.from(delays).sort()
}

function expectQuantiles(delays: Float64Array, quantiles: [share: number, ms: number][]): void {
  for (const [share, ms] of quantiles) {
    expect(Math.abs(quantileSorted(delays, share)! / ms - 1)).toBeLessThan(TOLERANCE)
  }
}

describe('a latency drawn from', () => {
  test('the normal distribution has its mean and its deviation', async () => {
    const delays = await delaysOf('latency_normal', { mean: 400, deviation: 100 })
    expectQuantiles(delays, [
      [0.5, 400],
      [0.159, 300],
      [0.841, 500],
      [0.977, 600],
    ])
  })

  test('the normal distribution is never under 0: such draws are no delay', async () => {
    const delays = await delaysOf('latency_normal', { mean: 50, deviation: 50 })
    const none = delays.filter(ms => ms === 0).length / DRAWS
    expect(Math.abs(none - 0.159)).toBeLessThan(0.02)
    expect(delays[0]).toBe(0)
  })

  test('the log-normal distribution has its median and its 99th percentile', async () => {
    const delays = await delaysOf('latency_log_normal', { median: 100, p99: 1_000 })
    expectQuantiles(delays, [
      [0.5, 100],
      [0.99, 1_000],
    ])
  })

  test('the Pareto distribution has its minimum and its 99th percentile', async () => {
    const delays = await delaysOf('latency_pareto', { least: 100, p99: 1_000 })
    expect(delays[0]).toBeGreaterThanOrEqual(100)
    // A hundredth is over ten times the minimum: its shape is 2, and half are over √2 times the minimum.
    expectQuantiles(delays, [
      [0.5, 100 * 2 ** 0.5],
      [0.99, 1_000],
    ])
  })

  test('a recorded table has its values, each as often as any other', async () => {
    const delays = await delaysOf('latency_recorded', { samples: [10, 20, 20, 500] })
    const share = (ms: number) => delays.filter(delay => delay === ms).length / DRAWS
    expect([...new Set(delays)]).toEqual([10, 20, 500])
    expect(Math.abs(share(20) - 0.5)).toBeLessThan(0.03)
    expect(Math.abs(share(500) - 0.25)).toBeLessThan(0.03)
  })

  test('anything is the same for the same seed, and another for another', async () => {
    const attributes = { median: 100, p99: 1_000 }
    const [one, same, other] = [
      await delaysOf('latency_log_normal', attributes, 1),
      await delaysOf('latency_log_normal', attributes, 1),
      await delaysOf('latency_log_normal', attributes, 2),
    ]
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
  })

  test('anything keeps order, and counts from when a chunk was received', async () => {
    const draws = [0, 0.9, 0.1] // the first is of its toxicity
    const { came, push } = stageOf(
      'latency_recorded',
      { samples: [50, 100] },
      { random: () => draws.shift()! },
    )
    push('slow')
    await vi.advanceTimersByTimeAsync(20)
    push('fast')
    await vi.advanceTimersByTimeAsync(500)
    expect(came).toEqual([
      [100, 'slow'],
      [100, 'fast'],
    ])
  })

  test.each([
    ['latency_log_normal', {}],
    ['latency_log_normal', { median: 0, p99: 100 }],
    ['latency_pareto', {}],
    ['latency_pareto', { least: 0, p99: 100 }],
    ['latency_recorded', {}],
    ['latency_recorded', { samples: [] }],
    ['latency_recorded', { samples: [-5] }],
    ['latency_normal', { mean: -100, deviation: 0 }],
  ] as [string, Parameters<typeof stageOf>[1]][])(
    'values of %s that make no sense, %j, is none',
    async (type, given) => {
      const attributes = { mean: 0, deviation: 0, median: 0, least: 0, p99: 0, samples: [], ...given }
      const { came, push } = stageOf(type, attributes)
      push('x')
      await vi.advanceTimersByTimeAsync(0)
      expect(came).toEqual([[0, 'x']])
    },
  )

  test.each([
    ['latency_log_normal', { median: 100, p99: 50 }],
    ['latency_pareto', { least: 100, p99: 50 }],
  ])('%s with a p99 that is too small is always the other', async (type, attributes) => {
    const { came, push } = stageOf(type, attributes, { random: randomStream(1, type) })
    push('x')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(came).toEqual([[100, 'x']])
  })
})

describe('a shared bandwidth', () => {
  test('is one for all connections, which take turns of 20 ms', async () => {
    const toxic = toxicOf('bandwidth_shared', { rate: 1 })
    const [one, other] = [stageWith(toxic), stageWith(toxic)]
    one.push('a'.repeat(60))
    other.push('b'.repeat(50))
    await vi.advanceTimersByTimeAsync(1_000)
    const sizes = ({ came }: typeof one) => came.map(([at, text]) => [at, text.length])
    expect(sizes(one)).toEqual([
      [20, 20],
      [60, 20],
      [100, 20],
    ])
    expect(sizes(other)).toEqual([
      [40, 20],
      [80, 20],
      [110, 10],
    ])
  })

  test('keeps a small answer waiting for one turn of each of the others, not for all they have', async () => {
    const toxic = toxicOf('bandwidth_shared', { rate: 1 })
    const busy = [stageWith(toxic), stageWith(toxic), stageWith(toxic)]
    for (const { push } of busy) push('x'.repeat(1_000))
    await vi.advanceTimersByTimeAsync(200)
    const small = stageWith(toxic)
    small.push('y'.repeat(5))
    await vi.advanceTimersByTimeAsync(200)
    expect(small.came).toEqual([[65, 'yyyyy']])
  })

  test('saves up no idle time', async () => {
    const { came, push } = stageOf('bandwidth_shared', { rate: 1 })
    await vi.advanceTimersByTimeAsync(10_000)
    push('x'.repeat(20))
    await vi.advanceTimersByTimeAsync(100)
    expect(came).toEqual([[10_020, 'x'.repeat(20)]])
  })

  test('of 0 holds everything, and lets go of what one stage holds when that is interrupted', async () => {
    const toxic = toxicOf('bandwidth_shared', { rate: 0 })
    const [one, other] = [stageWith(toxic), stageWith(toxic)]
    one.push('a')
    other.push('b')
    await vi.advanceTimersByTimeAsync(5_000)
    one.stage.interrupt()
    await vi.advanceTimersByTimeAsync(0)
    expect(one.came).toEqual([[5_000, 'a']])
    expect(other.came).toEqual([])
  })
})

describe('close_after', () => {
  test('passes data, and hangs up that long after the connection was accepted, however busy', async () => {
    const { came, push } = stageOf('close_after', { after: 100 })
    for (let at = 0; at < 200; at += 30) {
      push(`${at}`)
      await vi.advanceTimersByTimeAsync(30)
    }
    expect(came).toEqual([
      [0, '0'],
      [30, '30'],
      [60, '60'],
      [90, '90'],
      [100, 'HANG UP'],
      [100, 'END'],
    ])
  })

  test('counts on from the beginning when it is changed, and not at all when it is removed', async () => {
    const { stage, toxic, came } = stageOf('close_after', { after: 1_000 })
    await vi.advanceTimersByTimeAsync(400)
    toxic.attributes = { after: 500 }
    stage.interrupt()
    await vi.advanceTimersByTimeAsync(99)
    expect(came).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(came[0]).toEqual([500, 'HANG UP'])

    const removed = stageOf('close_after', { after: 100 })
    removed.stage.retire()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(removed.came).toEqual([])
  })

  test('lets a connection that ends before end as it would', async () => {
    const { stage, came, push } = stageOf('close_after', { after: 100 })
    push('x')
    stage.end()
    await vi.advanceTimersByTimeAsync(200)
    expect(came).toEqual([
      [0, 'x'],
      [0, 'END'],
    ])
  })
})

describe('the counts of a toxic', () => {
  test('are of what it took and passed on, and of each connection by its last draw', async () => {
    const toxic = toxicOf('limit_data', { bytes: 3 }, { toxicity: 0.5 })
    const winner = stageWith(toxic, { random: () => 0.4 })
    const loser = stageWith(toxic, { random: () => 0.6 })
    winner.push('abcdef')
    loser.push('ghijkl')
    await vi.advanceTimersByTimeAsync(0)
    expect(toxic.counts.show()).toEqual({
      connections: { acted_on: 1, drawn_out: 1 },
      chunks: { in: 1, out: 1 },
      bytes: { in: 6, out: 3 },
    })
    toxic.toxicity = 1
    loser.stage.interrupt()
    await vi.advanceTimersByTimeAsync(0)
    expect(toxic.counts.show().connections).toEqual({ acted_on: 2, drawn_out: 0 })
  })

  test('know what waits: in front of the toxic, and in its hands', async () => {
    const { stage, push } = stageOf('latency', { latency: 100, jitter: 0 })
    push('abc')
    push('de')
    await vi.advanceTimersByTimeAsync(50)
    expect(stage.waitingBytes).toBe(5)
    await vi.advanceTimersByTimeAsync(50)
    expect(stage.waitingBytes).toBe(0)
  })

  test('take nothing that is swallowed for something that waits', async () => {
    const { stage, push } = stageOf('timeout', { timeout: 0 })
    push('abc')
    await vi.advanceTimersByTimeAsync(50)
    expect(stage.waitingBytes).toBe(0)
  })
})

describe('values of an extension that make no sense', () => {
  test.each([
    [
      'latency_recorded',
      { samples: [] },
      'samples must be 1 to 10000 values, each 0 to 3600000, got 0 of them',
    ],
    [
      'latency_recorded',
      { samples: [1, -2, 3] },
      'samples must be 1 to 10000 values, each 0 to 3600000, got -2',
    ],
    [
      'latency_recorded',
      { samples: Array(10_001).fill(1) },
      'samples must be 1 to 10000 values, each 0 to 3600000, got 10001 of them',
    ],
    ['latency_log_normal', { median: 100, p99: 50 }, 'p99 must be at least median, got 50 and 100'],
    ['latency_pareto', { least: 0, p99: 50 }, 'least must be 1 to 3600000, got 0'],
    ['close_after', { after: -1 }, 'after must be 0 to 3600000, got -1'],
  ])('are named: %s', (type, attributes, problem) => {
    expect(valueProblems(toxicOf(type, attributes))).toEqual([problem])
  })
})
