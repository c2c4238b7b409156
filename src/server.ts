// The Fastify app: hooks and routes in order, error → reply.

import type { FastifyInstance } from 'fastify'
import { memoryStore } from './cache/memory.ts'
import { connectRedis, type RedisLink } from './cache/redis.ts'
import { redisStore } from './cache/redis-store.ts'
import type { CacheStore } from './cache/store.ts'
import { tieredStore } from './cache/tiered.ts'
import type { GatewayConfig } from './config.ts'
import { createControls } from './controls.ts'
import { epochNow } from './epoch-now.ts'
import { GatewayError } from './errors.ts'
import { createForwarding, type Forwarding } from './forwarding.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { createGuardState } from './guard-state.ts'
import type { BreakerListener } from './guards/breaker.ts'
import { createRateLimiter } from './limiter/rate-limiter.ts'
import { createLive } from './live.ts'
import { adminRoutes } from './routes/admin.ts'
import { createApp } from './routes/app.ts'
import { areasRoute } from './routes/areas.ts'
import { answerThroughChain, type ChainContext } from './routes/chain.ts'
import { docsRoutes } from './routes/docs.ts'
import { healthRoute } from './routes/health.ts'
import { dropIdleReaders } from './routes/idle-readers.ts'
import { proxyRoute } from './routes/proxy.ts'
import { acceptUpgrades } from './routes/upgrade.ts'
import { createAccessLog } from './telemetry/access-log.ts'
import { createAccount } from './telemetry/account.ts'
import { type EventLoopLag, watchEventLoopLag } from './telemetry/event-loop-lag.ts'
import { createTelemetry, type Telemetry } from './telemetry/events.ts'
import { createLog, type Log } from './telemetry/log.ts'
import { createMetrics, type Metric } from './telemetry/metrics.ts'
import type { OpenTelemetry } from './telemetry/open-telemetry/start.ts'
import { createMetricsPage } from './telemetry/prometheus.ts'
import { trustIn } from './trusted-proxies.ts'
import { createUpstream, type UpstreamOptions } from './upstream.ts'

/** Most bytes of an answer that is read, not only passed on. */
const REFINE_MAX_BYTES = 16 * 1024 * 1024
const IDLE_SWEEP_MS = 50

/** A gateway: its two apps, ready to listen, and its end. */
export interface Gateway {
  app: FastifyInstance
  admin: FastifyInstance
  log: Log
  /** How long requests under way have to finish, as it is set now. */
  drainMs(): number
  /** Stops accepting, lets requests under way finish for `drainMs`, then ends whatever is left. */
  close(): Promise<void>
}

export async function createGateway(config: GatewayConfig): Promise<Gateway> {
  const telemetry = createTelemetry()
  const lag = watchEventLoopLag()
  const trusts = trustIn(config.trustedProxies)
  const forwarding = createForwarding(config, trusts)
  const log = createLog(config.logLevel)
  const accessLog = createAccessLog(log, () => live.now.config.accessLogEvery)
  const account = createAccount(telemetry, accessLog)
  const app = createApp(config, trusts, account, log)
  const redis = openRedis(config, telemetry, log)
  const upstream = createUpstream(
    upstreamOptions(config, forwarding),
    telemetry.teller('upstream'),
    telemetry.durations.upstreamCall,
  )
  const limiter = await createRateLimiter(app, redis)
  const state = createGuardState(config, limiter, telemetry, breakerTeller(config, telemetry, lag, log))
  const live = createLive(config, state, {
    upstream,
    telemetry,
    lag,
    createStore: under => createStore(under, redis),
    adopt(next) {
      upstream.adopt(upstreamOptions(next, forwarding))
      log.level = next.logLevel
    },
  })

  let isDraining = false
  const parts: GatewayParts = { live, telemetry, lag, upstream, isDraining: () => isDraining }
  const metrics = createMetrics(parts)
  const openTelemetry = await openOpenTelemetry(config, metrics, log)
  const context: ChainContext = {
    live,
    forwarding,
    account,
    tracer: openTelemetry?.tracer,
    isDraining: () => isDraining,
    failed: error => log.error({ err: error }, 'a request failed inside the gateway'),
  }
  routes(app, context, config)
  dropIdleReaders(app.server, () => live.now.config)
  const endUpgraded = config.upgrades === 'websocket' ? acceptUpgrades(app, context.failed) : () => {}
  const admin = adminRoutes(parts, createControls(live, telemetry, log), createMetricsPage(metrics))
  // A start that takes its time is no reason to refuse the first who come.
  for (const { server } of [app, admin]) server.once('listening', lag.forget)

  return {
    app,
    admin,
    log,
    drainMs: () => live.now.config.drainMs,
    async close() {
      isDraining = true
      await drain(app, live.now.config.drainMs, () => {
        upstream.endTunnels()
        endUpgraded()
      })
      await admin.close()
      live.close()
      lag.close()
      redis?.close()
      await upstream.close()
      await openTelemetry?.close()
    },
  }
}

function upstreamOptions(config: GatewayConfig, { via }: Forwarding): UpstreamOptions {
  return {
    ...config,
    via,
    // The bare gateway is a plain proxy: every body streams.
    bufferMaxBytes: config.guards.length === 0 ? 0 : config.cacheMaxBodyBytes,
    refineMaxBytes: REFINE_MAX_BYTES,
  }
}

function breakerTeller(
  config: GatewayConfig,
  telemetry: Telemetry,
  lag: EventLoopLag,
  log: Log,
): BreakerListener {
  return (from, to) => {
    const event = {
      at: epochNow(),
      from,
      to,
      upstream: config.upstreamOrigin,
      eventLoopLagMs: lag.recent(),
    }
    telemetry.announce('breaker', event)
    log.info(event, `breaker ${to}`)
  }
}

function routes(app: FastifyInstance, context: ChainContext, config: GatewayConfig): void {
  healthRoute(app, context.account)
  if (config.showsDocs) docsRoutes(app, context.account)
  areasRoute(app, context)
  proxyRoute(app, context, config)
  unknownRoutes(app, context)
}

/** What no route answers goes through the rate limiter too, so that guessing paths is not free. */
function unknownRoutes(app: FastifyInstance, context: ChainContext): void {
  const refuse = async () => {
    throw new GatewayError(
      'not-found',
      'there is /health, /docs, /aggregate/areas, and the upstream under /proxy/',
    )
  }
  app.setNotFoundHandler((request, reply) => {
    const parts = {
      method: request.method,
      path: '/',
      route: 'unknown',
      client: request.ip,
      headers: [],
      body: null,
    } as const
    return answerThroughChain(context, request, reply, parts, asked =>
      context.live.now.pipeline.turnAway(asked, refuse),
    )
  })
}

/** Connected wherever a URL is given: the rate limiter counts there even when the cache does not. */
function openRedis(config: GatewayConfig, telemetry: Telemetry, log: Log): RedisLink | undefined {
  if (config.redisUrl === '') return undefined
  const where = { url: config.redisUrl, keyPrefix: config.redisPrefix }
  return connectRedis(where, telemetry.teller('redis'), isWell => {
    if (isWell) log.info('Redis answers')
    else log.warn('Redis does not answer: nothing is cached there, and clients are counted in this process')
  })
}

/** Loaded only where there is a collector: nobody else pays for it, not even at the start. */
async function openOpenTelemetry(
  config: GatewayConfig,
  metrics: Metric[],
  log: Log,
): Promise<OpenTelemetry | undefined> {
  if (config.otelEndpoint === '') return undefined
  const { startOpenTelemetry } = await import('./telemetry/open-telemetry/start.ts')
  return startOpenTelemetry(config, metrics, log)
}

function createStore(config: GatewayConfig, redis: RedisLink | undefined): CacheStore {
  if (redis === undefined || config.cache === 'memory' || config.cache === 'off') return memoryStore(config)
  if (config.cache === 'redis') return redisStore(redis, config)
  return tieredStore(memoryStore(config), redisStore(redis, config))
}

async function drain(app: FastifyInstance, drainMs: number, endUpgraded: () => void): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), IDLE_SWEEP_MS)
  const force = setTimeout(() => {
    endUpgraded()
    app.server.closeAllConnections()
  }, drainMs)
  await app.close()
  clearInterval(sweep)
  clearTimeout(force)
}
