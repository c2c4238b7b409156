import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  drawsInPlace,
  type LiveState,
  liveLine,
  liveView,
  plainLine,
} from '../../../scenarios/report/terminal/live.ts'

const unpainted = (_: unknown, text: string) => text

function stateAt(elapsedMs: number, phase = 'fault'): LiveState {
  const second = { p95: 400, goodputRead: 0.97, stale: 120, failed: 3 }
  return {
    scenario: 'slow-upstream',
    phase,
    elapsedMs,
    totalMs: 45_000,
    arms: [
      { name: 'guarded', breaker: 'half-open', seconds: Array.from({ length: 60 }, () => second) },
      { name: 'bare', breaker: null, seconds: [{ p95: null, goodputRead: null, stale: 0, failed: 0 }] },
    ],
  }
}

describe('the live lines', () => {
  test.each([80, 100])('fit %i columns, one line for the run and one for each arm', columns => {
    const lines = liveLine(stateAt(19_300), unpainted, columns).split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns)
  })

  test('tell phase, progress, breaker, stale and failed without colour', () => {
    const text = liveLine(stateAt(19_300), unpainted)
    expect(text).toMatch(/^fault .* 19 s of 45 s/)
    expect(text).toMatch(/half-open p95 +400 ms good +97\.0 % stale 7,200 failed 180/)
    expect(text).toMatch(/no breaker +p95 +– good +– stale 0/)
  })

  test('draw the three states of a breaker in three shapes', () => {
    const shapes = (['closed', 'open', 'half-open'] as const).map(breaker => {
      const state = stateAt(0)
      state.arms = [{ name: 'guarded', breaker, seconds: [] }]
      return liveLine(state, unpainted)
    })
    expect(new Set(shapes).size).toBe(3)
  })

  test('stand before the first second and after the last', () => {
    expect(liveLine({ ...stateAt(0), arms: [] }, unpainted)).toContain('0 s of 45 s')
    expect(liveLine(stateAt(60_000), unpainted)).toContain('━'.repeat(30))
    expect(liveLine({ ...stateAt(0), totalMs: 0 }, unpainted)).not.toContain('NaN')
  })

  test('are one line each for a log', () => {
    expect(plainLine(stateAt(19_300))).toBe(
      '19 s fault | guarded: reads good 97.0 %, p95 400 ms, 7,200 stale, 180 failed, breaker half-open | bare: reads good –, p95 –, 0 stale, 0 failed',
    )
  })
})

describe('drawing in place', () => {
  const terminal = { isTTY: true, columns: 80, rows: 24 }

  test.each([
    ['a terminal', { stream: terminal, plain: false, env: { TERM: 'xterm' } }, true],
    ['a pipe', { stream: {}, plain: false, env: {} }, false],
    [
      'a terminal without a size',
      { stream: { ...terminal, columns: 0, rows: 0 }, plain: false, env: {} },
      false,
    ],
    ['a CI with a pseudo-terminal', { stream: terminal, plain: false, env: { CI: 'true' } }, false],
    ['a dumb terminal', { stream: terminal, plain: false, env: { TERM: 'dumb' } }, false],
    ['--plain', { stream: terminal, plain: true, env: {} }, false],
  ])('on %s', (_, about, expected) => {
    expect(drawsInPlace(about)).toBe(expected)
  })
})

describe('the live view', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function started(inPlace: boolean) {
    let text = ''
    const sink = new Writable({
      write(chunk, _, done) {
        text += String(chunk)
        done()
      },
    })
    const stream = Object.assign(sink, { isTTY: inPlace, columns: 100, rows: 40 })
    const from = Date.now()
    const read = () => {
      const elapsedMs = Date.now() - from
      return stateAt(elapsedMs, elapsedMs < 7_000 ? 'baseline' : 'fault')
    }
    const view = liveView({
      stream: stream as unknown as NodeJS.WriteStream,
      inPlace,
      read,
    })
    const written = () => {
      const news = text
      text = ''
      return news
    }
    return { view, written }
  }

  test('prints a line at each phase and one each 5 s where it cannot redraw', () => {
    const { view, written } = started(false)
    vi.advanceTimersByTime(13_000)
    view.stop()
    const lines = written().trimEnd().split('\n')
    expect(lines.map(line => line.split(' |')[0])).toEqual([
      '0 s baseline',
      '5 s baseline',
      '7 s fault',
      '12 s fault',
    ])
  })

  test('redraws four times a second on a terminal, and no more once stopped', () => {
    const { view, written } = started(true)
    written()
    vi.advanceTimersByTime(1_000)
    expect(written()).toContain('1 s of 45 s')
    view.stop()
    written()
    vi.advanceTimersByTime(5_000)
    expect(written()).toBe('')
    expect(vi.getTimerCount()).toBe(0)
  })
})
