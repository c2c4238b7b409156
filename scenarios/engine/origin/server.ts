// The sample upstream: a small service with real-looking answers, a service time, and a stamp on every body.
import { crc32 } from 'node:zlib'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Areas, newAreaSchema } from './areas.ts'
import { ServiceQueue, type ServiceTimeSettings } from './service-time.ts'
import { Counters } from './stats.ts'

const MAX_BODY_BYTES = 16_384

const pageSchema = z.strictObject({
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  limit: z.coerce.number().int().min(1).max(100).default(10),
})

/**
 * The sample areas service, not yet listening. Every body is stamped: `x-origin-checksum` (CRC-32 of its bytes, hex),
 * `x-origin-version` (epoch milliseconds at which it was made) and `x-origin-key` (what was asked for).
 */
export function makeOrigin(settings: ServiceTimeSettings): FastifyInstance {
  const app = Fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true })
  const counters = new Counters()
  const areas = new Areas(settings.seed)
  addStamps(app)
  app.setNotFoundHandler((request, reply) =>
    refuse(reply, 404, `nothing at ${request.method} ${request.url}`),
  )
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) =>
    refuse(reply, error.statusCode ?? 500, error.message),
  )
  app.get('/health', () => {
    counters.passed('GET /health')
    return { status: 'ok' }
  })
  app.get('/stats', () => {
    counters.passed('GET /stats')
    return counters.read()
  })
  app.register(async scope => {
    addServiceTime(scope, counters, new ServiceQueue(settings))
    addAreaRoutes(scope, areas)
  })
  return app
}

function addStamps(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    if (typeof payload === 'string') {
      reply.header('x-origin-checksum', crc32(payload).toString(16).padStart(8, '0'))
      reply.header('x-origin-version', Date.now())
      reply.header('x-origin-key', request.url.slice(1))
    }
    done(null, payload)
  })
}

// Counted when it arrives, not when it is answered: a request that the client gave up on reached us all the same.
function addServiceTime(scope: FastifyInstance, counters: Counters, queue: ServiceQueue): void {
  let unnamed = 0
  scope.addHook('onRequest', async (request, reply) => {
    const requestId = field(request, 'x-request-id')
    const writeKey = field(request, 'idempotency-key') || requestId
    const route = `${request.method} ${request.routeOptions.url}`
    counters.arrived({ route, method: request.method, requestId, writeKey })
    reply.raw.once('close', () => counters.left())
  })
  scope.addHook('preHandler', async request => {
    await queue.serve(field(request, 'x-request-id') || `request ${unnamed++}`)
  })
}

function addAreaRoutes(scope: FastifyInstance, areas: Areas): void {
  scope.get('/areas', (request, reply) => {
    const query = pageSchema.safeParse(request.query)
    if (!query.success) return refuse(reply, 400, problemsOf(query.error))
    return reply.send(areas.page(query.data.page, query.data.limit))
  })
  scope.get<{ Params: { id: string } }>('/areas/:id', (request, reply) => {
    const { id } = request.params
    const area = /^[1-9]\d{0,9}$/.test(id) ? areas.get(Number(id)) : undefined
    return area === undefined ? refuse(reply, 404, `no area "${id}"`) : reply.send(area)
  })
  scope.post('/areas', (request, reply) => {
    const body = newAreaSchema.safeParse(request.body)
    if (!body.success) return refuse(reply, 400, problemsOf(body.error))
    const area = areas.add(body.data)
    return reply.code(201).header('location', `/areas/${area.id}`).send(area)
  })
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).send({ error })
}

function problemsOf(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
    .join('; ')
}

function field(request: FastifyRequest, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}
