// The admin port: readiness, counts, events, settings, metrics; and, with a token, what changes them.
import fastify, { type FastifyInstance } from 'fastify'
import type { GatewayConfig } from '../config.ts'
import { GatewayError } from '../errors.ts'
import type { GatewayParts } from '../gateway-parts.ts'
import { countsReader, streamEvents } from '../telemetry/event-stream.ts'
import type { MetricsPage } from '../telemetry/prometheus.ts'
import { doorProblem } from './admin-door.ts'
import { adminWrites, BODY_BYTES, type Controls } from './admin-writes.ts'
import { sendRefusal } from './reply.ts'

export function adminRoutes(parts: GatewayParts, controls: Controls, metrics: MetricsPage): FastifyInstance {
  const admin = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: BODY_BYTES,
    // Nobody learns more from a path that is none than from any other.
    frameworkErrors: (error, request, reply) => {
      const badPath = new GatewayError('bad-path', error.message)
      reply.hijack()
      sendRefusal(reply.raw, doorProblem(request, parts.live.now.config) ?? badPath)
    },
  })

  admin.addHook('onRequest', (request, reply, done) => {
    const refusal = doorProblem(request, parts.live.now.config)
    if (refusal === undefined) return done()
    reply.hijack()
    sendRefusal(reply.raw, refusal)
  })
  admin.setNotFoundHandler((_request, reply) => {
    reply.hijack()
    const known = '/-/ready, /-/stats, /-/events, /-/config, /-/breaker, /-/cache/purge and /metrics'
    sendRefusal(reply.raw, new GatewayError('not-found', `there is ${known}`))
  })

  admin.get('/-/ready', async (_request, reply) => {
    if (!parts.isDraining()) return { status: 'ready' }
    reply.hijack()
    sendRefusal(reply.raw, new GatewayError('draining', 'requests under way are being finished'))
  })
  const readCounts = countsReader(parts)
  admin.get('/-/stats', async () => ({ ...readCounts.take(), breaker: parts.live.now.state.breaker.state }))
  admin.get('/-/events', (_request, reply) => {
    reply.hijack()
    streamEvents(reply.raw, parts)
  })
  admin.get('/-/config', async () => withoutSecrets(parts.live.now.config))
  admin.get('/-/breaker', async () => {
    const { state, held } = parts.live.now.state.breaker
    return { state, hold: held }
  })
  admin.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType)
    return metrics.text()
  })
  adminWrites(admin, controls)
  return admin
}

function withoutSecrets(config: GatewayConfig) {
  const { adminToken, redisUrl, otelEndpoint, ...rest } = config
  return {
    ...rest,
    otelEndpoint: withoutCredentials(otelEndpoint),
    hasAdminToken: adminToken !== '',
    hasRedisUrl: redisUrl !== '',
  }
}

/** A URL can hold a password, in its user part or as a query. */
function withoutCredentials(url: string): string {
  if (url === '') return ''
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
