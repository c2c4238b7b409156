// The admin port: readiness, counts, events, settings, metrics. Read-only.
import { createHash, timingSafeEqual } from 'node:crypto'
import fastify, { type FastifyInstance } from 'fastify'
import { type GatewayConfig, isLoopback } from '../config.ts'
import { GatewayError } from '../errors.ts'
import type { GatewayParts } from '../gateway-parts.ts'
import { countsReader, streamEvents } from '../telemetry/event-stream.ts'
import type { MetricsPage } from '../telemetry/prometheus.ts'
import { sendRefusal } from './reply.ts'

export function adminRoutes(parts: GatewayParts, metrics: MetricsPage): FastifyInstance {
  const { config, pipeline } = parts
  const admin = fastify({ logger: false, forceCloseConnections: true })

  admin.addHook('onRequest', (request, reply, done) => {
    const refusal =
      hostProblem(request.hostname, config) ?? tokenProblem(request.headers.authorization, config)
    if (refusal === undefined) return done()
    reply.hijack()
    sendRefusal(reply.raw, refusal)
  })
  admin.setNotFoundHandler((_request, reply) => {
    reply.hijack()
    const known = '/-/ready, /-/stats, /-/events, /-/config and /metrics'
    sendRefusal(reply.raw, new GatewayError('not-found', `there is ${known}`))
  })

  admin.get('/-/ready', async (_request, reply) => {
    if (!parts.isDraining()) return { status: 'ready' }
    reply.hijack()
    sendRefusal(reply.raw, new GatewayError('draining', 'requests under way are being finished'))
  })
  const readCounts = countsReader(parts)
  admin.get('/-/stats', async () => ({ ...readCounts.take(), breaker: pipeline.breaker.state }))
  admin.get('/-/events', (_request, reply) => {
    reply.hijack()
    streamEvents(reply.raw, parts)
  })
  admin.get('/-/config', async () => withoutSecrets(config))
  admin.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType)
    return metrics.text()
  })
  return admin
}

/** A web page can make a browser call this port, but only under the page's own host name. */
function hostProblem(hostname: string, config: GatewayConfig): GatewayError | undefined {
  const name = hostname.toLowerCase()
  if (isLoopback(name) || name === config.adminHost || config.adminAllowedHosts.includes(name))
    return undefined
  return new GatewayError('host-not-allowed', `not called by a name in ADMIN_ALLOWED_HOSTS: ${hostname}`)
}

function tokenProblem(authorization: string | undefined, config: GatewayConfig): GatewayError | undefined {
  if (config.adminToken === '') return undefined
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? ''
  if (timingSafeEqual(digest(given), digest(config.adminToken))) return undefined
  return new GatewayError('token-required', 'send Authorization: Bearer with the ADMIN_TOKEN', {
    headers: ['WWW-Authenticate', 'Bearer'],
  })
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function withoutSecrets(config: GatewayConfig) {
  const { adminToken, redisUrl, ...rest } = config
  return { ...rest, hasAdminToken: adminToken !== '', hasRedisUrl: redisUrl !== '' }
}
