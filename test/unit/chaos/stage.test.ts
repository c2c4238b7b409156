// Toxics in their stages, on a clock of our own.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { jitterMs } from '../../../chaos/proxy/toxics/latency.ts'
import { stageOf } from '../../support/staged-toxic.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('latency', () => {
  test('keeps order and distance, and lets the end follow at once', async () => {
    const { stage, came, push } = stageOf('latency', { latency: 100, jitter: 0 })
    push('a')
    await vi.advanceTimersByTimeAsync(20)
    push('b')
    stage.end()
    await vi.advanceTimersByTimeAsync(200)
    expect(came).toEqual([
      [100, 'a'],
      [120, 'b'],
      [120, 'END'],
    ])
  })

  test('a later chunk with a shorter delay waits for the one before it', async () => {
    const draws = [0, 0.99, 0] // the first is of its toxicity
    const { came, push } = stageOf(
      'latency',
      { latency: 50, jitter: 50 },
      { random: () => draws.shift() ?? 0 },
    )
    push('slow')
    push('fast')
    await vi.advanceTimersByTimeAsync(200)
    expect(came.map(([, text]) => text)).toEqual(['slow', 'fast'])
  })

  test('jitter is uniform from -jitter to jitter - 1', () => {
    expect([0, 0.5, 1 - Number.EPSILON].map(draw => jitterMs(60, () => draw))).toEqual([-60, 0, 59])
    expect(jitterMs(0, () => 0.9)).toBe(0)
  })

  test('stops taking at 1,024 chunks, and takes again when one has left', async () => {
    const { stage, push } = stageOf('latency', { latency: 100, jitter: 0 })
    const onRoom = vi.fn()
    stage.onRoom = onRoom
    await vi.advanceTimersByTimeAsync(0)
    for (let chunk = 0; chunk < 1_025; chunk++) push('x')
    await vi.advanceTimersByTimeAsync(0)
    onRoom.mockClear()
    push('x')
    expect(stage.hasRoom).toBe(false)
    await vi.advanceTimersByTimeAsync(100)
    expect(onRoom).toHaveBeenCalled()
    expect(stage.hasRoom).toBe(true)
  })
})

describe('bandwidth', () => {
  test('pays out a tenth of a second at a time, and the rest when it is due', async () => {
    const { came, push } = stageOf('bandwidth', { rate: 1 })
    push('x'.repeat(250))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(came.map(([at, text]) => [at, text.length])).toEqual([
      [100, 100],
      [200, 100],
      [250, 50],
    ])
  })

  test('interrupted, lets go of what it holds at once', async () => {
    const { stage, came, push } = stageOf('bandwidth', { rate: 0 })
    push('held')
    await vi.advanceTimersByTimeAsync(500)
    expect(came).toEqual([])
    stage.retire()
    await vi.advanceTimersByTimeAsync(0)
    expect(came).toEqual([[500, 'held']])
  })
})

describe('a stage', () => {
  test('takes nothing while there is no room behind it', async () => {
    const { outlet, came, push, stage } = stageOf('noop', {})
    outlet.hasRoom = false
    for (const text of 'abcd') push(text)
    await vi.advanceTimersByTimeAsync(10)
    expect(came).toEqual([])
    expect(stage.hasRoom).toBe(false)
    outlet.hasRoom = true
    outlet.onRoom?.()
    await vi.advanceTimersByTimeAsync(0)
    expect(came.map(([, text]) => text).join('')).toBe('abcd')
  })

  test('draws its toxicity when it starts and when it is interrupted, not for every chunk', async () => {
    const random = vi.fn(() => 0.5)
    const { stage, toxic, came, push } = stageOf('timeout', { timeout: 0 }, { random, toxicity: 0.5 })
    push('a')
    push('b')
    await vi.advanceTimersByTimeAsync(0)
    expect(came.map(([, text]) => text)).toEqual(['a', 'b'])
    expect(random).toHaveBeenCalledTimes(1)
    toxic.toxicity = 0.6
    stage.interrupt()
    push('c')
    await vi.advanceTimersByTimeAsync(0)
    expect(came.length).toBe(2)
    expect(random).toHaveBeenCalledTimes(2)
  })

  test('counts what is under 0 as 0', async () => {
    const { came, push } = stageOf('latency', { latency: -5n, jitter: -(2n ** 63n) })
    push('x')
    await vi.advanceTimersByTimeAsync(0)
    expect(came).toEqual([[0, 'x']])
  })

  test('that has closed drops what still comes, and keeps nobody waiting', async () => {
    const { stage, came, push } = stageOf('limit_data', { bytes: 3 })
    push('abcdef')
    await vi.advanceTimersByTimeAsync(0)
    push('ghi')
    await vi.advanceTimersByTimeAsync(0)
    expect(came).toEqual([
      [0, 'abc'],
      [0, 'END'],
    ])
    expect(stage.hasRoom).toBe(true)
  })

  test('of reset_peer resets at once', async () => {
    const { stage, came, push } = stageOf('reset_peer', { timeout: 100 })
    push('x')
    await vi.advanceTimersByTimeAsync(50)
    stage.retire()
    await vi.advanceTimersByTimeAsync(0)
    expect(came).toEqual([
      [50, 'RESET'],
      [50, 'END'],
    ])
  })

  test('of reset_peer is all that ends its wait: it goes through every change', async () => {
    const { stage, came, push } = stageOf('reset_peer', { timeout: 100 })
    push('x')
    await vi.advanceTimersByTimeAsync(50)
    stage.interrupt()
    await vi.advanceTimersByTimeAsync(49)
    expect(came).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(came).toEqual([
      [100, 'RESET'],
      [100, 'END'],
    ])
  })
})
