import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig } from '../../../src/config.ts'
import { GUARD_NAMES } from '../../../src/guards/guard.ts'
import { SETTINGS_TABLE } from '../../../src/settings.ts'

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('an empty environment', () => {
  test('is the defaults of the design', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      adminHost: '127.0.0.1',
      adminPort: 3001,
      upstreamOrigin: 'http://127.0.0.1:8080',
      upstreamBasePath: '',
      guards: GUARD_NAMES,
      cache: 'memory',
      deadlineMs: 400,
      attemptLimitMs: 180,
      retryAttempts: 1,
      retryBackoffMs: 30,
      breakerErrorPercent: 50,
      breakerLeastCalls: 20,
      breakerWindowMs: 2000,
      breakerResetMs: 2000,
      bulkheadMax: 64,
      cacheFreshMs: 2000,
      cacheStaleIfErrorMs: 60000,
      rateLimitMax: 300,
      rateLimitWindowMs: 1000,
    })
  })

  test('is what empty values are too', () => {
    const empty = Object.fromEntries(SETTINGS_TABLE.map(({ name }) => [name, ' ']))
    expect(loadConfig(empty)).toEqual(loadConfig({}))
  })

  test('gives a configuration that cannot be changed', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true)
  })

  test('every default of the table is a value that the table accepts', () => {
    const written = SETTINGS_TABLE.filter(setting => setting.default !== '')
    expect(loadConfig(Object.fromEntries(written.map(({ name, default: value }) => [name, value])))).toEqual(
      loadConfig({}),
    )
    for (const setting of SETTINGS_TABLE) expect(setting.meaning.length).toBeGreaterThan(10)
  })
})

describe('GUARDS', () => {
  test.each([
    ['all', GUARD_NAMES],
    ['none', []],
    ['retry', ['retry']],
    ['breaker, rate-limit,breaker', ['rate-limit', 'breaker']],
  ])('%s', (value, guards) => {
    expect(loadConfig({ GUARDS: value }).guards).toEqual(guards)
  })

  test.each(['breakers', 'all,none', 'none,retry', ','])('%s is refused', value => {
    expect(problemsOf({ GUARDS: value })).toEqual([
      expect.stringContaining(`GUARDS is "${value}"; accepted: all,`),
    ])
  })

  test('CACHE=off takes the cache out of the list', () => {
    expect(loadConfig({ CACHE: 'off' }).guards).toEqual(GUARD_NAMES.filter(name => name !== 'cache'))
  })
})

describe('values that are not accepted', () => {
  test.each([
    ['PORT', '-1'],
    ['PORT', '3e3'],
    ['PORT', '65536'],
    ['DEADLINE_MS', '0'],
    ['DEADLINE_MS', '0.5'],
    ['DEADLINE_MS', '400ms'],
    ['BULKHEAD_MAX', 'many'],
    ['CACHE', 'Redis'],
    ['LOG_LEVEL', 'loud'],
    ['UPSTREAM_URL', 'localhost:8080'],
    ['UPSTREAM_URL', 'ftp://localhost'],
    ['UPSTREAM_URL', 'http://user:pass@localhost'],
    ['UPSTREAM_URL', 'http://localhost/?a=1'],
    ['BREAKER_ERROR_PERCENT', '101'],
    ['VIA_NAME', 'two words'],
    ['UPGRADES', 'h2c'],
    ['FORWARDED', 'yes'],
    ['UPLOAD_LEAST_BYTES', '0'],
  ])('%s=%s is named with what is accepted', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} is "${value.replace(/[?.]/g, '\\$&')}"; accepted: .{5,}$`)),
    ])
  })

  test('are reported all at once', () => {
    expect(problemsOf({ PORT: 'x', DEADLINE_MS: 'y', CACHE: 'redis', ADMIN_HOST: '0.0.0.0' })).toEqual([
      expect.stringMatching(/^PORT is "x"/),
      expect.stringMatching(/^DEADLINE_MS is "y"/),
      expect.stringMatching(/^REDIS_URL is not set; CACHE=redis needs it/),
      expect.stringMatching(/^ADMIN_TOKEN is not set; ADMIN_HOST=0\.0\.0\.0 is open to others/),
    ])
  })

  test.each(['pässwörd', '秘密', 'tab\tbed'])(
    'ADMIN_TOKEN=%j, which no header field carries, is refused',
    value => {
      expect(problemsOf({ ADMIN_TOKEN: value })).toEqual([
        'ADMIN_TOKEN is not valid; accepted: printable ASCII: what a header field carries without fail',
      ])
    },
  )

  test('a password for the collector is never repeated', () => {
    const problems = problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'grpc://user:pa55@collector:4317' })
    expect(problems).toEqual([
      expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT is not valid; accepted: '),
    ])
  })

  test('a secret is never repeated', () => {
    const [problem] = problemsOf({ REDIS_URL: 'http://:hunter2@localhost' })
    expect(problem).toMatch(/^REDIS_URL is not valid; accepted: a URL that starts with redis:/)
    expect(problem).not.toContain('hunter2')
  })
})

describe('settings that do not go together', () => {
  test('a breaker that resets before the deadline', () => {
    expect(problemsOf({ BREAKER_RESET_MS: '399' })).toEqual([
      expect.stringMatching(/^BREAKER_RESET_MS is 399/),
    ])
    expect(problemsOf({ BREAKER_RESET_MS: '400' })).toEqual([])
    expect(problemsOf({ BREAKER_RESET_MS: '100', GUARDS: 'breaker' })).toEqual([])
  })

  test('a stale answer that is used for longer than any may be', () => {
    expect(problemsOf({ CACHE_STALE_MAX_MS: '59999', CACHE_STALE_WHILE_REVALIDATE_MS: '60000' })).toEqual([
      expect.stringMatching(
        /^CACHE_STALE_IF_ERROR_MS is 60000; accepted: CACHE_STALE_MAX_MS \(59999\) or less/,
      ),
      expect.stringMatching(/^CACHE_STALE_WHILE_REVALIDATE_MS is 60000; accepted/),
    ])
    expect(problemsOf({ CACHE_STALE_MAX_MS: '60000' })).toEqual([])
  })

  test.each([
    ['HEDGE_MS', '180', 'ATTEMPT_LIMIT_MS (180)', { GUARDS: 'retry,attempt-limit' }],
    ['HEDGE_MS', '400', 'DEADLINE_MS (400)', { GUARDS: 'retry,deadline' }],
    ['SLOW_CALL_MS', '400', 'DEADLINE_MS (400)', { GUARDS: 'breaker,deadline' }],
  ])('a %s of %s, before which another limit always comes', (name, value, limit, { GUARDS }) => {
    expect(problemsOf({ [name]: value, GUARDS })).toEqual([
      `${name} is ${value}; accepted: 0, or less than ${limit}, which comes first`,
    ])
    expect(problemsOf({ [name]: String(Number(value) - 1), GUARDS })).toEqual([])
    expect(problemsOf({ [name]: value, GUARDS: GUARDS.split(',')[0]! })).toEqual([])
  })

  test('a pause before the first retry that is longer than before any', () => {
    expect(problemsOf({ RETRY_BACKOFF_MS: '2000' })).toEqual([
      'RETRY_BACKOFF_MOST_MS is 1000; accepted: RETRY_BACKOFF_MS (2000) or more',
    ])
    expect(problemsOf({ RETRY_BACKOFF_MS: '2000', RETRY_BACKOFF_MOST_MS: '2000' })).toEqual([])
  })

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('%s needs no admin token', host => {
    expect(problemsOf({ ADMIN_HOST: host })).toEqual([])
  })

  test.each(['0.0.0.0', '::', '192.168.1.2', 'localhost.evil.test'])('%s needs one', host => {
    expect(problemsOf({ ADMIN_HOST: host })).toHaveLength(1)
    expect(problemsOf({ ADMIN_HOST: host, ADMIN_TOKEN: 'x' })).toEqual([])
  })
})

test('as many requests may come at once as in a window, unless it is said otherwise', () => {
  expect(loadConfig({ RATE_LIMIT_MAX: '7' }).rateLimitBurst).toBe(7)
  expect(loadConfig({ RATE_LIMIT_MAX: '7', RATE_LIMIT_BURST: '3' }).rateLimitBurst).toBe(3)
})

test('a variable that is nearly a setting is a mistake, an unrelated one is not', () => {
  expect(problemsOf({ DEADLNE_MS: '1', BREAKER_RESETMS: '1' })).toEqual([
    'DEADLNE_MS is not a setting; did you mean DEADLINE_MS?',
    'BREAKER_RESETMS is not a setting; did you mean BREAKER_RESET_MS?',
  ])
  expect(
    problemsOf({ PATH: '/bin', HOSTNAME: 'x', PORTS: '1', npm_config_cache: 'x', LS_COLORS: 'x' }),
  ).toEqual([])
})

test('what Kubernetes says of services is nobody’s mistake, unless it takes the place of a setting', () => {
  expect(
    problemsOf({
      UPSTREAM_PORT: 'tcp://10.0.0.1:80',
      UPSTREAM_SERVICE_HOST: '10.0.0.1',
      UPSTREAM_PORT_80_TCP: 'tcp://10.0.0.1:80',
      REDIS_PORT: 'tcp://10.0.0.2:6379',
      ADMIN_SERVICE_PORT: '80',
      ADMIN_SERVICE_PORT_HTTP: '80',
    }),
  ).toEqual([])
  expect(problemsOf({ UPSTREAM_PORT: '80' })).toEqual([
    'UPSTREAM_PORT is not a setting; did you mean UPSTREAM_HOST?',
  ])
  expect(problemsOf({ ADMIN_PORT: 'tcp://10.0.0.1:80' })).toEqual([
    'ADMIN_PORT is "tcp://10.0.0.1:80"; accepted: a whole number from 0 to 65535',
  ])
})

test('the upstream’s path goes before every path, without its last slash', () => {
  const { upstreamOrigin, upstreamBasePath } = loadConfig({
    UPSTREAM_URL: 'https://example.test:8443/api/v1/',
  })
  expect([upstreamOrigin, upstreamBasePath]).toEqual(['https://example.test:8443', '/api/v1'])
})
