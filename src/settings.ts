// The table of settings: every variable with its default, its meaning, and what is accepted.
import { z } from 'zod'
import { GUARD_NAMES, type GuardName } from './guards/guard.ts'
import { isAddressRange, rangesIn } from './trusted-proxies.ts'

export interface Setting<T = unknown> {
  /** As it would be written in the environment; empty means not set. */
  default: string
  meaning: string
  accepts: string
  schema: z.ZodType<T, string>
  isSecret?: true
}

const LONGEST_MS = 3_600_000
const SWITCH = ['off', 'on'] as const
const UPGRADES = ['off', 'websocket'] as const
const EXPORTERS = ['otlp', 'none'] as const
const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const
export type SamplerName = (typeof SAMPLERS)[number]
export const CACHES = ['off', 'memory', 'redis', 'tiered'] as const
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

/** As one in so many: 0 is none, 1 is every one. */
const accessLog = z
  .string()
  .regex(/^(off|all|1\/[1-9]\d{0,8})$/)
  .transform(value => (value === 'off' ? 0 : value === 'all' ? 1 : Number(value.slice(2))))

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
  UPSTREAM_HOST: text(
    '',
    'the Host it is asked for, where that is not the one of UPSTREAM_URL',
    'a host, with a port or without',
  ),
  TRUSTED_PROXIES: {
    default: '',
    meaning:
      'proxies in front of the gateway: their X-Forwarded-* are believed and added to, all others replaced',
    accepts: 'addresses and CIDRs separated by commas, such as 10.0.0.0/8,::1; never a count of hops',
    schema: z.string().refine(value => rangesIn(value).every(isAddressRange)),
  } satisfies Setting<string>,
  VIA_NAME: {
    default: '',
    meaning: 'name of this gateway in Via, by which it knows a request that comes round; not set draws one',
    accepts: 'letters, digits, dots, hyphens and underscores',
    schema: z.string().regex(/^[\w.-]+$/),
  } satisfies Setting<string>,
  FORWARDED: oneOf('off', SWITCH, 'tell the upstream of the client in Forwarded (RFC 7239), too'),
  UPGRADES: oneOf('off', UPGRADES, 'connections that may leave HTTP and become a tunnel to the upstream'),
  TUNNEL_IDLE_MS: ms(300_000, 100, 'longest silence in such a tunnel, both ways'),
  HEADER_MS: ms(10_000, 100, "longest time for a request's header to arrive"),
  UPLOAD_MAX_BYTES: count(104_857_600, 0, 1_099_511_627_776, 'longest request body'),
  UPLOAD_IDLE_MS: ms(5_000, 100, 'time in which a request body must bring something'),
  UPLOAD_LEAST_BYTES: count(1_024, 1, 1_073_741_824, 'least bytes that it must bring in that time'),
  GUARDS: {
    default: 'all',
    meaning: 'the guards that are on',
    accepts: `all, none, or some of ${GUARD_NAMES.join(',')}`,
    schema: guardList,
  } satisfies Setting<readonly GuardName[]>,
  RATE_LIMIT_MAX: count(300, 1, 1_000_000_000, 'requests that one client may make on one route in a window'),
  RATE_LIMIT_WINDOW_MS: ms(1_000, 1, 'length of that window'),
  RATE_LIMIT_BURST: count(
    0,
    0,
    1_000_000_000,
    'requests of these that it may make at once; 0 for as many as RATE_LIMIT_MAX',
  ),
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
  CACHE_STALE_MAX_MS: ms(
    3_600_000,
    0,
    'the most of either, whatever an answer or a client allows; and how long it is kept to be confirmed',
  ),
  CACHE_MAX_BYTES: count(67_108_864, 1_024, 68_719_476_736, 'memory that cached answers may take'),
  CACHE_MAX_BODY_BYTES: count(
    1_048_576,
    1,
    1_073_741_824,
    'longest answer that is cached; longer ones stream',
  ),
  DEADLINE_MS: ms(
    400,
    1,
    'longest wait of a client, from arrival; it may ask for less in X-Request-Timeout-Ms',
  ),
  BULKHEAD_MAX: count(64, 1, 1_000_000, 'most upstream calls at once'),
  BULKHEAD_CLIENT_MAX: count(0, 0, 1_000_000, 'most of these that one client may hold; 0 for all of them'),
  BREAKER_ERROR_PERCENT: count(50, 0, 100, 'share of failed calls above which the breaker opens'),
  BREAKER_LEAST_CALLS: count(20, 1, 1_000_000, 'calls in the window before it may open'),
  BREAKER_WINDOW_MS: ms(2_000, 100, 'window in which calls are counted, in 10 buckets'),
  BREAKER_RESET_MS: ms(2_000, 1, 'how long the breaker stays open before it lets one call probe'),
  SLOW_CALL_MS: ms(0, 0, 'a call that takes longer counts as failed too; 0 is never'),
  RETRY_ATTEMPTS: count(1, 0, 10, 'most retries of one request'),
  RETRY_BACKOFF_MS: ms(30, 0, 'longest pause before the first retry, drawn at random; it doubles with each'),
  RETRY_BACKOFF_MOST_MS: ms(1_000, 0, 'longest pause before any'),
  HEDGE_MS: ms(0, 0, 'a read without an answer after this is asked for a second time beside; 0 is never'),
  RETRY_BUDGET_PERCENT: count(10, 0, 100, 'retries and hedges allowed per hundred requests'),
  RETRY_BUDGET_PER_SECOND: count(3, 0, 1_000_000, 'retries and hedges allowed per second beside those'),
  ATTEMPT_LIMIT_MS: ms(180, 1, 'longest time of one attempt'),
  SHED_LAG_MS: ms(
    200,
    0,
    'a request that the event loop comes to later than this is refused; 0 refuses none',
  ),
  STREAM_IDLE_MS: ms(
    60_000,
    100,
    'time in which a streamed answer must bring something, and the client of any answer take something',
  ),
  STREAM_LEAST_BYTES: count(1, 0, 1_073_741_824, 'least bytes that either must move in that time'),
  UPSTREAM_CONNECT_MS: ms(10_000, 100, 'last resort: longest time to connect, coarse'),
  UPSTREAM_BACKSTOP_MS: ms(60_000, 1_000, 'last resort: longest silence of the upstream, coarse'),
  ADMIN_HOST: text('127.0.0.1', 'address of the admin and metrics port', 'an address'),
  ADMIN_PORT: count(3001, 0, 65_535, 'the admin and metrics port; 0 takes a free one'),
  ADMIN_TOKEN: {
    ...text(
      '',
      'bearer token of the admin port; a must when ADMIN_HOST is not loopback',
      'printable ASCII: what a header field carries without fail',
    ),
    schema: z.string().regex(/^[ -~]+$/),
    isSecret: true,
  } satisfies Setting<string>,
  ADMIN_ALLOWED_HOSTS: text(
    '',
    'host names by which the admin port may be called, beside loopback',
    'names separated by commas',
  ),
  DOCS: oneOf('on', SWITCH, 'whether clients are told what there is to ask for, at /docs'),
  DRAIN_MS: ms(10_000, 0, 'time for requests under way to finish at shutdown'),
  LOG_LEVEL: oneOf('info', LOG_LEVELS, 'least level of what is logged'),
  ACCESS_LOG: {
    default: '1/100',
    meaning: 'requests that get a line in the log: one in so many, and every failure',
    accepts: 'off, all, or one in so many as 1/100',
    schema: accessLog,
  } satisfies Setting<number>,
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    ...url('', ['http:', 'https:'], 'an OpenTelemetry collector, which gets traces and metrics'),
    isSecret: true,
  } satisfies Setting<string>,
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf('http/protobuf', ['http/protobuf'], 'how it is spoken to'),
  OTEL_TRACES_EXPORTER: oneOf('otlp', EXPORTERS, 'whether it gets traces'),
  OTEL_METRICS_EXPORTER: oneOf('otlp', EXPORTERS, 'whether it gets metrics'),
  OTEL_TRACES_SAMPLER: oneOf('parentbased_always_on', SAMPLERS, 'which traces it gets'),
  OTEL_TRACES_SAMPLER_ARG: {
    default: '1',
    meaning: 'share of traces that a traceidratio sampler keeps',
    accepts: 'a number from 0 to 1',
    schema: z
      .string()
      .regex(/^\d*\.?\d+$/)
      .transform(Number)
      .pipe(z.number().min(0).max(1)),
  } satisfies Setting<number>,
  OTEL_BSP_SCHEDULE_DELAY: ms(5_000, 1, 'longest time that a span waits to be sent'),
  OTEL_METRIC_EXPORT_INTERVAL: ms(60_000, 1, 'time between two reports of the metrics'),
}

/** What the admin port may change while the gateway runs. */
export const LIVE_SETTINGS: ReadonlySet<keyof typeof SETTINGS> = new Set([
  'GUARDS',
  'RATE_LIMIT_MAX',
  'RATE_LIMIT_WINDOW_MS',
  'RATE_LIMIT_BURST',
  'CACHE',
  'CACHE_FRESH_MS',
  'CACHE_STALE_IF_ERROR_MS',
  'CACHE_STALE_WHILE_REVALIDATE_MS',
  'CACHE_STALE_MAX_MS',
  'CACHE_MAX_BYTES',
  'CACHE_MAX_BODY_BYTES',
  'DEADLINE_MS',
  'BULKHEAD_MAX',
  'BULKHEAD_CLIENT_MAX',
  'BREAKER_ERROR_PERCENT',
  'BREAKER_LEAST_CALLS',
  'BREAKER_WINDOW_MS',
  'BREAKER_RESET_MS',
  'SLOW_CALL_MS',
  'RETRY_ATTEMPTS',
  'RETRY_BACKOFF_MS',
  'RETRY_BACKOFF_MOST_MS',
  'HEDGE_MS',
  'RETRY_BUDGET_PERCENT',
  'RETRY_BUDGET_PER_SECOND',
  'ATTEMPT_LIMIT_MS',
  'SHED_LAG_MS',
  'STREAM_IDLE_MS',
  'STREAM_LEAST_BYTES',
  'TUNNEL_IDLE_MS',
  'UPLOAD_IDLE_MS',
  'UPLOAD_LEAST_BYTES',
  'DRAIN_MS',
  'LOG_LEVEL',
  'ACCESS_LOG',
] as const)

/** The same table as the README prints it. */
export const SETTINGS_TABLE = Object.entries(SETTINGS).map(([name, setting]) => ({
  name,
  default: setting.default,
  meaning: setting.meaning,
  accepts: setting.accepts,
  isLive: LIVE_SETTINGS.has(name as keyof typeof SETTINGS),
}))
