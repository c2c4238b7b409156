// One table of settings: environment → frozen GatewayConfig, every problem at once.
import { z } from 'zod'
import { GUARD_NAMES, type GuardName } from './guards/guard.ts'

interface Setting<T = unknown> {
  /** As it would be written in the environment; empty means not set. */
  default: string
  meaning: string
  accepts: string
  schema: z.ZodType<T, string>
  isSecret?: true
}

const LONGEST_MS = 3_600_000
const CACHES = ['off', 'memory', 'redis', 'tiered'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

function whole(least: number, most: number) {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most))
}

function count(fallback: number, least: number, most: number, meaning: string): Setting<number> {
  const accepts = `a whole number from ${least} to ${most}`
  return { default: String(fallback), meaning, accepts, schema: whole(least, most) }
}

function ms(fallback: number, least: number, meaning: string): Setting<number> {
  const accepts = `whole milliseconds from ${least} to ${LONGEST_MS}`
  return { default: String(fallback), meaning, accepts, schema: whole(least, LONGEST_MS) }
}

function text(fallback: string, meaning: string, accepts: string): Setting<string> {
  return { default: fallback, meaning, accepts, schema: z.string() }
}

function oneOf<const T extends string>(fallback: T, values: readonly T[], meaning: string): Setting<T> {
  return { default: fallback, meaning, accepts: values.join(', '), schema: z.enum(values) }
}

function url(fallback: string, protocols: readonly string[], meaning: string): Setting<string> {
  const isOne = (value: string) => URL.canParse(value) && protocols.includes(new URL(value).protocol)
  const accepts = `a URL that starts with ${protocols.map(protocol => `${protocol}//`).join(' or ')}`
  return { default: fallback, meaning, accepts, schema: z.string().refine(isOne) }
}

/** An upstream is asked by path: what else a URL can hold would be lost in silence. */
function upstreamUrl(fallback: string, meaning: string): Setting<string> {
  const setting = url(fallback, ['http:', 'https:'], meaning)
  const isPlain = (value: string) => {
    const { search, hash, username, password } = new URL(value)
    return search + hash + username + password === ''
  }
  return {
    ...setting,
    accepts: `${setting.accepts}, without user, query or fragment`,
    schema: setting.schema.refine(value => !URL.canParse(value) || isPlain(value)),
  }
}

const guardList = z
  .string()
  .transform(value => value.split(',').map(name => name.trim()))
  .pipe(
    z.union([
      z.tuple([z.literal('all')]).transform((): readonly GuardName[] => GUARD_NAMES),
      z.tuple([z.literal('none')]).transform((): readonly GuardName[] => []),
      // Running order is the chain's, whatever the order of the list.
      z
        .array(z.enum(GUARD_NAMES))
        .transform((names): readonly GuardName[] => GUARD_NAMES.filter(name => names.includes(name))),
    ]),
  )

/** Every setting of the gateway: name, default, meaning, and what is accepted. */
export const SETTINGS = {
  HOST: text('127.0.0.1', 'address that the gateway listens on', 'an address'),
  PORT: count(3000, 0, 65_535, 'port that the gateway listens on; 0 takes a free one'),
  UPSTREAM_URL: upstreamUrl('http://127.0.0.1:8080', 'the service behind the gateway'),
  GUARDS: {
    default: 'all',
    meaning: 'the guards that are on',
    accepts: `all, none, or some of ${GUARD_NAMES.join(',')}`,
    schema: guardList,
  } satisfies Setting<readonly GuardName[]>,
  RATE_LIMIT_MAX: count(300, 1, 1_000_000_000, 'requests that one client may make in a window'),
  RATE_LIMIT_WINDOW_MS: ms(1_000, 1, 'length of that window'),
  CACHE: oneOf('memory', CACHES, 'where answers are kept; tiered is memory in front of Redis'),
  REDIS_URL: {
    ...url('', ['redis:', 'rediss:'], 'Redis or Valkey, for the cache and the rate limit'),
    isSecret: true,
  } satisfies Setting<string>,
  REDIS_PREFIX: text(
    'leeward:',
    'start of every key there; gateways that share it share cache and limits',
    'any text',
  ),
  CACHE_FRESH_MS: ms(2_000, 0, 'how long an answer is fresh when the upstream does not say'),
  CACHE_STALE_IF_ERROR_MS: ms(60_000, 0, 'how long after that it may stand in for a failing upstream'),
  CACHE_STALE_WHILE_REVALIDATE_MS: ms(0, 0, 'how long after that it is served while a fresh one is fetched'),
  CACHE_MAX_BYTES: count(67_108_864, 1_024, 68_719_476_736, 'memory that cached answers may take'),
  CACHE_MAX_BODY_BYTES: count(
    1_048_576,
    1,
    1_073_741_824,
    'longest answer that is cached; longer ones stream',
  ),
  DEADLINE_MS: ms(400, 1, 'longest wait of a client, from arrival'),
  BULKHEAD_MAX: count(64, 1, 1_000_000, 'most upstream calls at once'),
  BREAKER_ERROR_PERCENT: count(50, 0, 100, 'share of failed calls above which the breaker opens'),
  BREAKER_LEAST_CALLS: count(20, 1, 1_000_000, 'calls in the window before it may open'),
  BREAKER_WINDOW_MS: ms(2_000, 100, 'window in which calls are counted, in 10 buckets'),
  BREAKER_RESET_MS: ms(2_000, 1, 'how long the breaker stays open before it lets one call probe'),
  RETRY_ATTEMPTS: count(1, 0, 10, 'most retries of one request'),
  RETRY_BACKOFF_MS: ms(30, 0, 'longest pause before a retry; the pause is drawn at random'),
  RETRY_BUDGET_PERCENT: count(10, 0, 100, 'retries allowed per hundred requests'),
  RETRY_BUDGET_PER_SECOND: count(3, 0, 1_000_000, 'retries allowed per second beside those'),
  ATTEMPT_LIMIT_MS: ms(180, 1, 'longest time of one attempt'),
  STREAM_IDLE_MS: ms(60_000, 100, 'time in which a streamed answer must bring something'),
  STREAM_LEAST_BYTES: count(1, 0, 1_073_741_824, 'least bytes that it must bring in that time'),
  UPSTREAM_CONNECT_MS: ms(10_000, 100, 'last resort: longest time to connect, coarse'),
  UPSTREAM_BACKSTOP_MS: ms(60_000, 1_000, 'last resort: longest silence of the upstream, coarse'),
  ADMIN_HOST: text('127.0.0.1', 'address of the admin and metrics port', 'an address'),
  ADMIN_PORT: count(3001, 0, 65_535, 'the admin and metrics port; 0 takes a free one'),
  ADMIN_TOKEN: {
    ...text('', 'bearer token of the admin port; a must when ADMIN_HOST is not loopback', 'any text'),
    isSecret: true,
  } satisfies Setting<string>,
  ADMIN_ALLOWED_HOSTS: text(
    '',
    'host names by which the admin port may be called, beside loopback',
    'names separated by commas',
  ),
  DRAIN_MS: ms(10_000, 0, 'time for requests under way to finish at shutdown'),
  LOG_LEVEL: oneOf('info', LOG_LEVELS, 'least level of what is logged'),
}

/** The same table as the README prints it. */
export const SETTINGS_TABLE = Object.entries(SETTINGS).map(([name, setting]) => ({
  name,
  default: setting.default,
  meaning: setting.meaning,
  accepts: setting.accepts,
}))

type SettingName = keyof typeof SETTINGS
type Values = { [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> }

export type CacheKind = (typeof CACHES)[number]

/** The settings as the gateway uses them. Frozen; times in ms, lengths in bytes. */
export type GatewayConfig = Readonly<ReturnType<typeof configOf>>

/** Settings that are not valid: one line per problem. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/**
 * Reads the settings from an environment; an empty value counts as not set.
 * @throws ConfigError naming every problem at once
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const problems: string[] = []
  const values = Object.fromEntries(
    Object.entries<Setting>(SETTINGS).map(([name, setting]) => {
      const given = environment[name]?.trim() ?? ''
      if (given === '') return [name, defaultOf(setting)]
      const result = setting.schema.safeParse(given)
      if (result.success) return [name, result.data]
      const got = setting.isSecret ? 'not valid' : JSON.stringify(given)
      problems.push(`${name} is ${got}; accepted: ${setting.accepts}`)
      return [name, defaultOf(setting)]
    }),
  ) as Values
  problems.push(...contradictions(values), ...misspelt(environment))
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(configOf(values))
}

function defaultOf(setting: Setting): unknown {
  return setting.default === '' ? '' : setting.schema.parse(setting.default)
}

/** Settings that are each valid, but not together. */
function contradictions(values: Values): string[] {
  const problems: string[] = []
  const isOn = (name: GuardName) => values.GUARDS.includes(name)
  if (isOn('breaker') && isOn('deadline') && values.BREAKER_RESET_MS < values.DEADLINE_MS) {
    problems.push(
      `BREAKER_RESET_MS is ${values.BREAKER_RESET_MS}; accepted: DEADLINE_MS (${values.DEADLINE_MS}) or more, ` +
        'so that no call outlives the time that the breaker stays open',
    )
  }
  if ((values.CACHE === 'redis' || values.CACHE === 'tiered') && values.REDIS_URL === '') {
    problems.push(`REDIS_URL is not set; CACHE=${values.CACHE} needs it: ${SETTINGS.REDIS_URL.accepts}`)
  }
  if (!isLoopback(values.ADMIN_HOST) && values.ADMIN_TOKEN === '') {
    problems.push(`ADMIN_TOKEN is not set; ADMIN_HOST=${values.ADMIN_HOST} is open to others and needs one`)
  }
  return problems
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/

/** Does this name or address reach only this machine? */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** Names shorter than this are near too many others to be called misspelt. */
const LEAST_LENGTH = 8

/** Variables that are one or two letters away from a setting. */
function misspelt(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(SETTINGS)
  return Object.keys(environment)
    .filter(name => name.length >= LEAST_LENGTH && !known.includes(name))
    .flatMap(name => {
      const meant = known.find(candidate => candidate.length >= LEAST_LENGTH && isNear(name, candidate))
      return meant === undefined ? [] : [`${name} is not a setting; did you mean ${meant}?`]
    })
}

/** At most two letters more, fewer, or other. */
function isNear(one: string, other: string, left = 2): boolean {
  if (Math.abs(one.length - other.length) > left) return false
  if (one === '' || other === '') return true
  if (one[0] === other[0]) return isNear(one.slice(1), other.slice(1), left)
  if (left === 0) return false
  return (
    isNear(one.slice(1), other.slice(1), left - 1) ||
    isNear(one.slice(1), other, left - 1) ||
    isNear(one, other.slice(1), left - 1)
  )
}

function configOf(values: Values) {
  const upstream = new URL(values.UPSTREAM_URL)
  const isCacheOff = values.CACHE === 'off'
  return {
    host: values.HOST,
    port: values.PORT,
    upstreamOrigin: upstream.origin,
    upstreamBasePath: upstream.pathname.replace(/\/+$/, ''),
    guards: values.GUARDS.filter(name => !(isCacheOff && name === 'cache')),
    rateLimitMax: values.RATE_LIMIT_MAX,
    rateLimitWindowMs: values.RATE_LIMIT_WINDOW_MS,
    cache: values.CACHE,
    redisUrl: values.REDIS_URL,
    redisPrefix: values.REDIS_PREFIX,
    cacheFreshMs: values.CACHE_FRESH_MS,
    cacheStaleIfErrorMs: values.CACHE_STALE_IF_ERROR_MS,
    cacheStaleWhileRevalidateMs: values.CACHE_STALE_WHILE_REVALIDATE_MS,
    cacheMaxBytes: values.CACHE_MAX_BYTES,
    cacheMaxBodyBytes: values.CACHE_MAX_BODY_BYTES,
    deadlineMs: values.DEADLINE_MS,
    bulkheadMax: values.BULKHEAD_MAX,
    breakerErrorPercent: values.BREAKER_ERROR_PERCENT,
    breakerLeastCalls: values.BREAKER_LEAST_CALLS,
    breakerWindowMs: values.BREAKER_WINDOW_MS,
    breakerResetMs: values.BREAKER_RESET_MS,
    retryAttempts: values.RETRY_ATTEMPTS,
    retryBackoffMs: values.RETRY_BACKOFF_MS,
    retryBudgetPercent: values.RETRY_BUDGET_PERCENT,
    retryBudgetPerSecond: values.RETRY_BUDGET_PER_SECOND,
    attemptLimitMs: values.ATTEMPT_LIMIT_MS,
    streamIdleMs: values.STREAM_IDLE_MS,
    streamLeastBytes: values.STREAM_LEAST_BYTES,
    upstreamConnectMs: values.UPSTREAM_CONNECT_MS,
    upstreamBackstopMs: values.UPSTREAM_BACKSTOP_MS,
    adminHost: values.ADMIN_HOST,
    adminPort: values.ADMIN_PORT,
    adminToken: values.ADMIN_TOKEN,
    adminAllowedHosts: values.ADMIN_ALLOWED_HOSTS.split(',')
      .map(host => host.trim().toLowerCase())
      .filter(host => host !== ''),
    drainMs: values.DRAIN_MS,
    logLevel: values.LOG_LEVEL,
  }
}
