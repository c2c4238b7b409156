// The Fastify app: hooks and routes in order, error → reply.

import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { memoryStore } from './cache/memory.ts'
import { connectRedis, type RedisLink } from './cache/redis.ts'
import { redisStore } from './cache/redis-store.ts'
import type { CacheStore } from './cache/store.ts'
import { tieredStore } from './cache/tiered.ts'
import type { GatewayConfig } from './config.ts'
import { epochNow } from './epoch-now.ts'
import { GatewayError } from './errors.ts'
import { createForwarding } from './forwarding.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { createGuardState } from './guard-state.ts'
import { createRateLimiter } from './limiter/rate-limiter.ts'
import { loadShedding } from './load-shedding.ts'
import { createPipeline } from './pipeline.ts'
import { adminRoutes } from './routes/admin.ts'
import { createApp } from './routes/app.ts'
import { areasRoute } from './routes/areas.ts'
import { answerThroughChain, type ChainContext } from './routes/chain.ts'
import { healthRoute } from './routes/health.ts'
import { proxyRoute } from './routes/proxy.ts'
import { watchEventLoopLag } from './telemetry/event-loop-lag.ts'
import { createTelemetry, type Telemetry } from './telemetry/events.ts'
import { trustIn } from './trusted-proxies.ts'
import { createUpstream } from './upstream.ts'

/** Most bytes of an answer that is read, not only passed on. */
const REFINE_MAX_BYTES = 16 * 1024 * 1024
const IDLE_SWEEP_MS = 50

/** A gateway: its two apps, ready to listen, and its end. */
export interface Gateway {
  app: FastifyInstance
  admin: FastifyInstance
  log: FastifyBaseLogger
  /** Stops accepting, lets requests under way finish for `drainMs`, then ends whatever is left. */
  close(): Promise<void>
}

export async function createGateway(config: GatewayConfig): Promise<Gateway> {
  const telemetry = createTelemetry()
  const lag = watchEventLoopLag()
  const trusts = trustIn(config.trustedProxies)
  const forwarding = createForwarding(config, trusts)
  const app = createApp(config, trusts)
  const redis = openRedis(config, telemetry, app.log)
  const store = createStore(config, redis)
  const upstream = createUpstream(
    {
      ...config,
      viaName: forwarding.viaName,
      // The bare gateway is a plain proxy: every body streams.
      bufferMaxBytes: config.guards.length === 0 ? 0 : config.cacheMaxBodyBytes,
      refineMaxBytes: REFINE_MAX_BYTES,
    },
    telemetry.teller('upstream'),
  )
  const state = createGuardState(config, await createRateLimiter(app, redis), telemetry, (from, to) => {
    const event = {
      at: epochNow(),
      from,
      to,
      upstream: config.upstreamOrigin,
      eventLoopLagMs: lag.recent(),
    }
    telemetry.transition(event)
    app.log.info(event, `breaker ${to}`)
  })
  const pipeline = createPipeline(config, { upstream, store, telemetry, state })

  let isDraining = false
  const parts: GatewayParts = {
    config,
    telemetry,
    lag,
    upstream,
    pipeline,
    isDraining: () => isDraining,
  }
  const context: ChainContext = {
    pipeline,
    forwarding,
    shed: loadShedding(config, lag),
    tell: telemetry.teller('requests'),
    isDraining: () => isDraining,
    failed: error => app.log.error({ err: error }, 'a request failed inside the gateway'),
  }
  healthRoute(app)
  areasRoute(app, context)
  proxyRoute(app, context, config)
  unknownRoutes(app, context)
  const admin = adminRoutes(parts)

  return {
    app,
    admin,
    log: app.log,
    async close() {
      isDraining = true
      await drain(app, config.drainMs, upstream.endTunnels)
      await admin.close()
      pipeline.close()
      lag.close()
      store.close()
      redis?.close()
      await upstream.close()
    },
  }
}

/** What no route answers goes through the rate limiter too, so that guessing paths is not free. */
function unknownRoutes(app: FastifyInstance, context: ChainContext): void {
  const refuse = async () => {
    throw new GatewayError('not-found', 'there is /health, /aggregate/areas, and the upstream under /proxy/')
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
      context.pipeline.turnAway(asked, refuse),
    )
  })
}

/** Connected wherever a URL is given: the rate limiter counts there even when the cache does not. */
function openRedis(
  config: GatewayConfig,
  telemetry: Telemetry,
  log: FastifyBaseLogger,
): RedisLink | undefined {
  if (config.redisUrl === '') return undefined
  const where = { url: config.redisUrl, keyPrefix: config.redisPrefix }
  return connectRedis(where, telemetry.teller('redis'), isWell => {
    if (isWell) log.info('Redis answers')
    else log.warn('Redis does not answer: nothing is cached there, and clients are counted in this process')
  })
}

function createStore(config: GatewayConfig, redis: RedisLink | undefined): CacheStore {
  if (redis === undefined || config.cache === 'memory' || config.cache === 'off') return memoryStore(config)
  if (config.cache === 'redis') return redisStore(redis, config)
  return tieredStore(memoryStore(config), redisStore(redis, config))
}

async function drain(app: FastifyInstance, drainMs: number, endTunnels: () => void): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), IDLE_SWEEP_MS)
  const force = setTimeout(() => {
    endTunnels()
    app.server.closeAllConnections()
  }, drainMs)
  await app.close()
  clearInterval(sweep)
  clearTimeout(force)
}
