import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig } from '../../../src/config.ts'
import { changeConfig } from '../../../src/config-change.ts'
import { LIVE_SETTINGS, SETTINGS_TABLE } from '../../../src/settings.ts'

const STARTED = { UPSTREAM_URL: 'http://up.test/base', DEADLINE_MS: '500', ADMIN_TOKEN: 's3cret-token' }
const config = loadConfig(STARTED)

function problemsOf(changes: unknown): readonly string[] {
  try {
    changeConfig(config, changes)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('a change of settings', () => {
  test('goes on from what the gateway was started with, and says what is different', () => {
    const changes = { DEADLINE_MS: 300, GUARDS: 'deadline,cache', ACCESS_LOG: '1/7', BULKHEAD_MAX: '64' }
    const { config: next, changed } = changeConfig(config, changes)
    expect(next).toMatchObject({
      upstreamOrigin: 'http://up.test',
      upstreamBasePath: '/base',
      adminToken: 's3cret-token',
      deadlineMs: 300,
      guards: ['cache', 'deadline'],
      accessLogEvery: 7,
    })
    expect(changed).toEqual([
      { name: 'GUARDS', from: expect.stringMatching(/^rate-limit,/), to: 'cache,deadline' },
      { name: 'DEADLINE_MS', from: '500', to: '300' },
      { name: 'ACCESS_LOG', from: '1/100', to: '1/7' },
    ])
    expect(config.deadlineMs).toBe(500)
  })

  test('goes on from the change before', () => {
    const first = changeConfig(config, { DEADLINE_MS: 300, BREAKER_RESET_MS: 900 }).config
    const second = changeConfig(first, { DEADLINE_MS: 200 }).config
    expect([second.deadlineMs, second.breakerResetMs]).toEqual([200, 900])
  })

  test('takes null, and an empty text, for the default', () => {
    expect(changeConfig(config, { DEADLINE_MS: null }).config.deadlineMs).toBe(400)
    expect(changeConfig(config, { DEADLINE_MS: '' }).config.deadlineMs).toBe(400)
  })

  test('is none when everything is so already', () => {
    expect(changeConfig(config, {}).changed).toEqual([])
    expect(changeConfig(config, { DEADLINE_MS: '500', GUARDS: 'all' }).changed).toEqual([])
  })

  test('names every problem at once, as a start would', () => {
    expect(
      problemsOf({
        DEADLINE_MS: 0,
        GUARDS: 'breaker,bulk-head',
        UPSTREAM_URL: 'http://elsewhere.test',
        ADMIN_TOKEN: null,
        DEADLNE_MS: 5,
        FLUX: 'x',
        BREAKER_RESET_MS: 100,
      }),
    ).toEqual([
      'UPSTREAM_URL cannot be changed while the gateway runs; start it anew',
      'ADMIN_TOKEN cannot be changed while the gateway runs; start it anew',
      'DEADLNE_MS is not a setting; did you mean DEADLINE_MS?',
      'FLUX is not a setting',
      expect.stringMatching(/^GUARDS is "breaker,bulk-head"; accepted: all, none, /),
      'DEADLINE_MS is "0"; accepted: whole milliseconds from 1 to 3600000',
      expect.stringMatching(/^BREAKER_RESET_MS is 100; accepted: DEADLINE_MS \(400\) or more/),
    ])
  })

  test('finds what contradicts a setting that it does not mention', () => {
    expect(problemsOf({ BREAKER_RESET_MS: 499 })).toEqual([
      expect.stringMatching(/^BREAKER_RESET_MS is 499; accepted: DEADLINE_MS \(500\) or more/),
    ])
    expect(problemsOf({ CACHE: 'redis' })).toEqual([
      expect.stringMatching(/^REDIS_URL is not set; CACHE=redis/),
    ])
  })

  test.each([
    null,
    [],
    'DEADLINE_MS=3',
    3,
    { DEADLINE_MS: [3] },
    { DEADLINE_MS: { ms: 3 } },
    { DEADLINE_MS: true },
  ])('is refused in one line where it is not an object of settings: %j', body => {
    expect(problemsOf(body)).toEqual([expect.stringMatching(/^the body is not an object of settings/)])
  })

  test('cannot reach what every object has', () => {
    const body = JSON.parse('{"__proto__": {"deadlineMs": 1}, "constructor": "x", "toString": "y"}')
    expect(() => changeConfig(config, body)).toThrow(ConfigError)
    expect(({} as { deadlineMs?: number }).deadlineMs).toBeUndefined()
  })

  test('of a setting that is not live is refused, whichever it is and whatever it is to be', () => {
    const others = SETTINGS_TABLE.map(({ name }) => name).filter(name => !LIVE_SETTINGS.has(name as never))
    expect(others).toEqual(
      expect.arrayContaining(['PORT', 'UPSTREAM_URL', 'REDIS_URL', 'ADMIN_TOKEN', 'ADMIN_HOST']),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...others),
        fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
        (name, value) => {
          expect(problemsOf({ [name]: value })).toEqual([
            `${name} cannot be changed while the gateway runs; start it anew`,
          ])
        },
      ),
      { seed: 42 },
    )
  })
})
