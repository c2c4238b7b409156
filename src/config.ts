// Environment → frozen GatewayConfig, every problem at once.
import type { z } from 'zod'
import type { GuardName } from './guards/guard.ts'
import { type CACHES, SETTINGS, type Setting } from './settings.ts'
import { rangesIn } from './trusted-proxies.ts'

export type SettingName = keyof typeof SETTINGS
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
  const config = Object.freeze(configOf(values))
  origins.set(config, { environment, values })
  return config
}

/** What a configuration was read from, kept out of sight for the secrets in it. */
interface Origin {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly values: Readonly<Values>
}
const origins = new WeakMap<GatewayConfig, Origin>()

/** What this configuration was read from: a change goes on from there. */
export function originOf(config: GatewayConfig): Origin {
  return origins.get(config)!
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
  for (const name of ['CACHE_STALE_IF_ERROR_MS', 'CACHE_STALE_WHILE_REVALIDATE_MS'] as const) {
    if (values[name] <= values.CACHE_STALE_MAX_MS) continue
    problems.push(
      `${name} is ${values[name]}; accepted: CACHE_STALE_MAX_MS (${values.CACHE_STALE_MAX_MS}) or less, ` +
        'which bounds it',
    )
  }
  if (values.RETRY_BACKOFF_MOST_MS < values.RETRY_BACKOFF_MS) {
    problems.push(
      `RETRY_BACKOFF_MOST_MS is ${values.RETRY_BACKOFF_MOST_MS}; accepted: RETRY_BACKOFF_MS (${values.RETRY_BACKOFF_MS}) or more`,
    )
  }
  problems.push(...uselessLimits(values, isOn))
  if ((values.CACHE === 'redis' || values.CACHE === 'tiered') && values.REDIS_URL === '') {
    problems.push(`REDIS_URL is not set; CACHE=${values.CACHE} needs it: ${SETTINGS.REDIS_URL.accepts}`)
  }
  if (!isLoopback(values.ADMIN_HOST) && values.ADMIN_TOKEN === '') {
    problems.push(`ADMIN_TOKEN is not set; ADMIN_HOST=${values.ADMIN_HOST} is open to others and needs one`)
  }
  return problems
}

/** Times after which something would happen, but for a limit that always comes first. */
function uselessLimits(values: Values, isOn: (name: GuardName) => boolean): string[] {
  type Time = 'HEDGE_MS' | 'SLOW_CALL_MS' | 'ATTEMPT_LIMIT_MS' | 'DEADLINE_MS'
  const mustBeUnder = (time: Time, limit: Time) =>
    values[time] > 0 && values[time] >= values[limit]
      ? [
          `${time} is ${values[time]}; accepted: 0, or less than ${limit} (${values[limit]}), which comes first`,
        ]
      : []
  return [
    ...(isOn('retry') && isOn('attempt-limit') ? mustBeUnder('HEDGE_MS', 'ATTEMPT_LIMIT_MS') : []),
    ...(isOn('retry') && isOn('deadline') ? mustBeUnder('HEDGE_MS', 'DEADLINE_MS') : []),
    ...(isOn('breaker') && isOn('deadline') ? mustBeUnder('SLOW_CALL_MS', 'DEADLINE_MS') : []),
  ]
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
  return Object.entries(environment)
    .filter(
      ([name, value]) => name.length >= LEAST_LENGTH && !known.includes(name) && !isOfService(name, value),
    )
    .flatMap(([name]) => {
      const meant = settingNear(name)
      return meant === undefined ? [] : [`${name} is not a setting; did you mean ${meant}?`]
    })
}

/** Kubernetes tells every container of the services around it: UPSTREAM_PORT=tcp://10.0.0.1:80, whatever it is for. */
function isOfService(name: string, value = ''): boolean {
  return /_SERVICE_(HOST|PORT)(_|$)/.test(name) || /^(tcp|udp|sctp):\/\//.test(value)
}

/** The setting that somebody may have meant. */
export function settingNear(name: string): string | undefined {
  return Object.keys(SETTINGS).find(known => known.length >= LEAST_LENGTH && isNear(name, known))
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
  return {
    host: values.HOST,
    port: values.PORT,
    upstreamOrigin: upstream.origin,
    upstreamHost: values.UPSTREAM_HOST || upstream.host,
    upstreamBasePath: upstream.pathname.replace(/\/+$/, ''),
    trustedProxies: rangesIn(values.TRUSTED_PROXIES),
    viaName: values.VIA_NAME,
    tellsForwarded: values.FORWARDED === 'on',
    upgrades: values.UPGRADES,
    tunnelIdleMs: values.TUNNEL_IDLE_MS,
    headerMs: values.HEADER_MS,
    uploadMaxBytes: values.UPLOAD_MAX_BYTES,
    uploadIdleMs: values.UPLOAD_IDLE_MS,
    uploadLeastBytes: values.UPLOAD_LEAST_BYTES,
    ...guardsOf(values),
    upstreamConnectMs: values.UPSTREAM_CONNECT_MS,
    upstreamBackstopMs: values.UPSTREAM_BACKSTOP_MS,
    adminHost: values.ADMIN_HOST,
    adminPort: values.ADMIN_PORT,
    adminToken: values.ADMIN_TOKEN,
    adminAllowedHosts: values.ADMIN_ALLOWED_HOSTS.split(',')
      .map(host => host.trim().toLowerCase())
      .filter(host => host !== ''),
    showsDocs: values.DOCS === 'on',
    drainMs: values.DRAIN_MS,
    logLevel: values.LOG_LEVEL,
    ...telemetryOf(values),
  }
}

function guardsOf(values: Values) {
  const isCacheOff = values.CACHE === 'off'
  return {
    guards: values.GUARDS.filter(name => !(isCacheOff && name === 'cache')),
    rateLimitMax: values.RATE_LIMIT_MAX,
    rateLimitWindowMs: values.RATE_LIMIT_WINDOW_MS,
    rateLimitBurst: values.RATE_LIMIT_BURST || values.RATE_LIMIT_MAX,
    cache: values.CACHE,
    redisUrl: values.REDIS_URL,
    redisPrefix: values.REDIS_PREFIX,
    cacheFreshMs: values.CACHE_FRESH_MS,
    cacheStaleIfErrorMs: values.CACHE_STALE_IF_ERROR_MS,
    cacheStaleWhileRevalidateMs: values.CACHE_STALE_WHILE_REVALIDATE_MS,
    cacheStaleMaxMs: values.CACHE_STALE_MAX_MS,
    cacheMaxBytes: values.CACHE_MAX_BYTES,
    cacheMaxBodyBytes: values.CACHE_MAX_BODY_BYTES,
    deadlineMs: values.DEADLINE_MS,
    bulkheadMax: values.BULKHEAD_MAX,
    bulkheadClientMax: values.BULKHEAD_CLIENT_MAX,
    breakerErrorPercent: values.BREAKER_ERROR_PERCENT,
    breakerLeastCalls: values.BREAKER_LEAST_CALLS,
    breakerWindowMs: values.BREAKER_WINDOW_MS,
    breakerResetMs: values.BREAKER_RESET_MS,
    slowCallMs: values.SLOW_CALL_MS,
    retryAttempts: values.RETRY_ATTEMPTS,
    retryBackoffMs: values.RETRY_BACKOFF_MS,
    retryBackoffMostMs: values.RETRY_BACKOFF_MOST_MS,
    hedgeMs: values.HEDGE_MS,
    retryBudgetPercent: values.RETRY_BUDGET_PERCENT,
    retryBudgetPerSecond: values.RETRY_BUDGET_PER_SECOND,
    attemptLimitMs: values.ATTEMPT_LIMIT_MS,
    shedLagMs: values.SHED_LAG_MS,
    streamIdleMs: values.STREAM_IDLE_MS,
    streamLeastBytes: values.STREAM_LEAST_BYTES,
  }
}

function telemetryOf(values: Values) {
  return {
    accessLogEvery: values.ACCESS_LOG,
    otelEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    otelTraces: values.OTEL_TRACES_EXPORTER === 'otlp',
    otelMetrics: values.OTEL_METRICS_EXPORTER === 'otlp',
    otelSampler: values.OTEL_TRACES_SAMPLER,
    otelSamplerShare: values.OTEL_TRACES_SAMPLER_ARG,
    otelSpanDelayMs: values.OTEL_BSP_SCHEDULE_DELAY,
    otelMetricIntervalMs: values.OTEL_METRIC_EXPORT_INTERVAL,
  }
}
