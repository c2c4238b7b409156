// The Fastify app: hooks and routes in order, error → reply.

import { METHODS } from 'node:http'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { memoryStore } from './cache/memory.ts'
import { connectRedis, type RedisLink, redisStore } from './cache/redis.ts'
import type { CacheStore } from './cache/store.ts'
import { tieredStore } from './cache/tiered.ts'
import type { GatewayConfig } from './config.ts'
import { epochNow } from './epoch-now.ts'
import { GatewayError } from './errors.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { createGuardState } from './guard-state.ts'
import { createRateLimiter } from './limiter/rate-limiter.ts'
import { loadShedding } from './load-shedding.ts'
import { createPipeline } from './pipeline.ts'
import { adminRoutes } from './routes/admin.ts'
import { areasRoute } from './routes/areas.ts'
import { answerThroughChain, type ChainContext } from './routes/chain.ts'
import { rejectConnection } from './routes/client-error.ts'
import { healthRoute } from './routes/health.ts'
import { proxyRoute } from './routes/proxy.ts'
import { sendRefusal } from './routes/reply.ts'
import { targetProblem } from './routes/target.ts'
import { watchEventLoopLag } from './telemetry/event-loop-lag.ts'
import { createTelemetry, type Telemetry } from './telemetry/events.ts'
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
  const app = createApp(config)
  const redis = openRedis(config, telemetry, app.log)
  const store = createStore(config, redis)
  const upstream = createUpstream(
    {
      ...config,
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
    shed: loadShedding(config, lag),
    tell: telemetry.teller('requests'),
    isDraining: () => isDraining,
    failed: error => app.log.error({ err: error }, 'a request failed inside the gateway'),
  }
  healthRoute(app)
  areasRoute(app, context)
  proxyRoute(app, context)
  unknownRoutes(app, context)
  const admin = adminRoutes(parts)

  return {
    app,
    admin,
    log: app.log,
    async close() {
      isDraining = true
      await drain(app, config.drainMs)
      await admin.close()
      pipeline.close()
      lag.close()
      store.close()
      redis?.close()
      await upstream.close()
    },
  }
}

function createApp(config: GatewayConfig): FastifyInstance {
  const app = fastify({
    // Not pino's own way to stdout: at the exit it tries for ever to write to a pipe that nobody reads any more.
    logger: { level: config.logLevel, stream: { write: line => process.stdout.write(line) } },
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    clientErrorHandler: rejectConnection,
    frameworkErrors: (error, _request, reply) => {
      reply.hijack()
      sendRefusal(reply.raw, new GatewayError('bad-path', error.message))
    },
  })
  // No body is ever parsed here: to Fastify every method is one without a body.
  for (const method of METHODS) {
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  }
  app.addHook('onRequest', (request, reply, done) => {
    const problem = targetProblem(request.raw.url ?? '')
    if (problem === undefined) return done()
    reply.hijack()
    sendRefusal(reply.raw, new GatewayError('bad-path', problem))
  })
  app.setErrorHandler((error, _request, reply) => {
    app.log.error({ err: error }, 'a request failed inside the gateway')
    reply.hijack()
    sendRefusal(reply.raw, error)
  })
  return app
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
  if (config.cache === 'redis') return redisStore(redis)
  return tieredStore(memoryStore(config), redisStore(redis))
}

async function drain(app: FastifyInstance, drainMs: number): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), IDLE_SWEEP_MS)
  const force = setTimeout(() => app.server.closeAllConnections(), drainMs)
  await app.close()
  clearInterval(sweep)
  clearTimeout(force)
}
