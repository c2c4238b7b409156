import { describe, expect, test } from 'vitest'
import { parseCacheStatus } from '../../../scenarios/engine/load/cache-status.ts'
import { AGE_TOLERANCE_MS, type Answer, classify } from '../../../scenarios/engine/load/classify.ts'

const NOW = 1_000_000_000_000
const rules = { isStamped: true, freshMs: 2_000 }

const stamps = {
  'x-origin-checksum': '0000beef',
  'x-origin-version': String(NOW - 100),
  'x-origin-key': 'areas/17',
}
const good: Answer = {
  ending: 'ok',
  isRead: true,
  path: '/proxy/areas/17',
  status: 200,
  headers: stamps,
  bodyCrc: 0xbeef,
  problem: '',
  endedEpochMs: NOW,
}

function outcome(change: Partial<Answer>, stamped = true) {
  return classify({ ...good, ...change }, { ...rules, isStamped: stamped }).outcome
}

describe('an answer', () => {
  test('is fresh, with its measured age', () => {
    expect(classify(good, rules)).toEqual({ outcome: 'fresh', ageMs: 100, isCollapsed: false })
  })

  test('is stale from just over the fresh time and its tolerance on', () => {
    const aged = (ageMs: number) => ({ headers: { ...stamps, 'x-origin-version': String(NOW - ageMs) } })
    expect(outcome(aged(2_000 + AGE_TOLERANCE_MS))).toBe('fresh')
    expect(outcome(aged(2_001 + AGE_TOLERANCE_MS))).toBe('stale')
  })

  test('made after the clock that judges it is of age 0', () => {
    const headers = { ...stamps, 'x-origin-version': String(NOW + 3) }
    expect(classify({ ...good, headers }, rules).ageMs).toBe(0)
  })

  test('that took part of the path for its key is still wrong', () => {
    expect(outcome({ path: '/proxy/areas/117' })).toBe('wrong')
    expect(outcome({ path: '/proxy/areas/7' })).toBe('wrong')
    expect(
      outcome({ path: '/proxy/areas?page=2', headers: { ...stamps, 'x-origin-key': 'areas?page=2' } }),
    ).toBe('fresh')
  })

  test('without stamps, from a stamping upstream, is the gateway’s own page and not judged', () => {
    expect(outcome({ headers: {}, bodyCrc: 1 })).toBe('fresh')
  })

  test('cut short is corrupt where bodies are stamped, an error elsewhere, and no answer at all is an error', () => {
    expect(outcome({ ending: 'closed' })).toBe('corrupt')
    expect(outcome({ ending: 'reset' })).toBe('corrupt')
    expect(outcome({ ending: 'closed' }, false)).toBe('error')
    expect(outcome({ ending: 'closed', status: 0 })).toBe('error')
    expect(outcome({ ending: 'closed', status: 502 })).toBe('error')
  })

  test('that broke the deadline is a timeout, whatever had come of it', () => {
    expect(outcome({ ending: 'timeout' })).toBe('timeout')
    expect(outcome({ ending: 'dropped', status: 0 })).toBe('unsent')
  })

  test('is shed only if the refusal is a problem with a code', () => {
    const refused = (status: number, problem: string) => outcome({ status, problem, headers: {} })
    expect(refused(503, '{"code":"bulkhead-full"}')).toBe('shed')
    expect(refused(429, '{"code":"rate-limited"}')).toBe('shed')
    expect(refused(504, '{"code":"deadline"}')).toBe('error')
    expect(refused(503, '')).toBe('error')
    expect(refused(503, '{"code":')).toBe('error')
    expect(refused(503, 'null')).toBe('error')
  })

  test('to a write has no age, and is never stale', () => {
    const write = { ...good, isRead: false, status: 201, path: '/proxy/areas' }
    const headers = { ...stamps, 'x-origin-version': String(NOW - 60_000) }
    expect(classify({ ...write, headers }, rules)).toEqual({
      outcome: 'fresh',
      ageMs: Number.NaN,
      isCollapsed: false,
    })
  })
})

describe('Cache-Status', () => {
  test.each([
    ['leeward; hit', { isHit: true, isCollapsed: false, ttlSeconds: null }],
    ['leeward; hit; ttl=-12', { isHit: true, isCollapsed: false, ttlSeconds: -12 }],
    ['leeward;hit;ttl=30', { isHit: true, isCollapsed: false, ttlSeconds: 30 }],
    ['leeward; fwd=miss; collapsed', { isHit: false, isCollapsed: true, ttlSeconds: null }],
    ['leeward; fwd=miss; collapsed=?0', { isHit: false, isCollapsed: false, ttlSeconds: null }],
    ['leeward; hit; detail="a, b; ttl=-1"; ttl=4', { isHit: true, isCollapsed: false, ttlSeconds: 4 }],
    ['"a cache"; hit', { isHit: true, isCollapsed: false, ttlSeconds: null }],
  ])('%s', (field, expected) => {
    expect(parseCacheStatus(field)).toEqual(expected)
  })

  test('of several caches tells of the nearest, which is the last', () => {
    expect(parseCacheStatus('cdn; hit; ttl=-9, leeward; fwd=miss')).toMatchObject({
      isHit: false,
      ttlSeconds: null,
    })
  })
})
