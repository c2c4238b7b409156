// The control API as a server: the real one's manners around the table of routes (wire format of 2.12.0).
import { randomBytes } from 'node:crypto'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { ApiError, leaseHoldsNoUpdate } from '../api-error.ts'
import { writeJson } from '../json/json.ts'
import type { Lease } from '../leases/lease.ts'
import type { Leases } from '../leases/leases.ts'
import { ANY_METHOD, type ApiOptions, routes } from './api.ts'
import { cleanUrl } from './clean-url.ts'
import { refuseMalformed } from './malformed-request.ts'
import type { Answer, Route } from './route.ts'

const PLAIN_TEXT = 'text/plain; charset=utf-8'
const ANSWER_WITHIN_MS = 25_000
const LONGEST_HEAD_BYTES = 1024 * 1024
/** Whoever sends thousands of them without waiting for an answer would have them all worked off in one go. */
const CALLS_PER_CONNECTION = 100
/** Some 2,500 proxies. The real server takes more; here nobody else is answered while a body is read. */
const LONGEST_BODY_BYTES = 256 * 1024

const tooLate: Answer = {
  status: 503,
  text: '<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>',
  type: 'text/html; charset=utf-8',
}

/** The API as a Fastify server that is not yet listening. */
export function createApi(options: ApiOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: LONGEST_BODY_BYTES,
    exposeHeadRoutes: false,
    http: { maxHeaderSize: LONGEST_HEAD_BYTES },
    clientErrorHandler: refuseMalformed,
    // An address that cannot be decoded.
    frameworkErrors: (_error, _request, reply) =>
      sendText(reply.header('connection', 'close'), 400, '400 Bad Request'),
    // What is asked of a proxy is no other address.
    rewriteUrl: ({ url = '/' }) => url.replace(/^http:\/\/[^/]*/, ''),
    keepAliveTimeout: 60_000,
    maxRequestsPerSocket: CALLS_PER_CONNECTION,
    requestTimeout: 15_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: LONGEST_BODY_BYTES },
  })
  app.addHook('onResponse', async (request, reply) => {
    options.log('debug', `${request.method} ${request.url}`, {
      request_id: reply.getHeader('x-toxiproxy-request-id'),
      client: `${request.ip}:${request.socket.remotePort}`,
      user_agent: request.headers['user-agent'] ?? '',
      status: reply.statusCode,
      duration: reply.elapsedTime,
    })
  })
  app.server.on('dropRequest', (_request, socket) => socket.destroy())
  app.addHook('onRequest', async (request, reply) => {
    const clean = cleanUrl(request.url)
    return clean === undefined ? undefined : reply.code(301).header('location', clean).send()
  })
  takeAnyBody(app)

  const table = routes(options)
  for (const route of table) {
    app.route<{ Params: Record<string, string> }>({
      method: route.method === ANY_METHOD ? app.supportedMethods : route.method,
      url: route.path,
      onRequest: greet,
      handler: async (request, reply) => {
        const { proxy = '', toxic = '', id = '' } = request.params
        const body = (request.body as string | undefined) ?? ''
        const lease = leaseOf(request, route, options.leases)
        const answer = await inTime(route.answer({ proxy, toxic, id, body, lease }))
        lease?.assertStands() // a name or a port may have taken longer than it had left
        return send(reply, answer)
      },
    })
  }

  const paths = table.map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`))
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?')
    if (paths.some(known => known.test(path)) && !hasOddSlash(path)) return reply.code(405).send()
    return notFound(reply)
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error instanceof ApiError ? error.status : (error.statusCode ?? 500)
    return send(reply, errorAnswer(status, error.message))
  })
  return app
}

/** Nothing takes that long but a name that does not resolve. */
async function inTime(answer: Answer | Promise<Answer>): Promise<Answer> {
  if (!(answer instanceof Promise)) return answer
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Answer>(resolve => {
    timer = setTimeout(() => resolve(tooLate), ANSWER_WITHIN_MS)
  })
  return await Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

/** The lease that the request names, where that means anything. */
function leaseOf(request: FastifyRequest, { leaseId }: Route, leases: Leases): Lease | undefined {
  const given = request.headers['x-lease-id']
  if (given === undefined || leaseId === undefined) return undefined
  // Passed over in silence, it would promise an undoing that never comes.
  if (leaseId === 'refused') throw leaseHoldsNoUpdate()
  return leases.get(String(given))
}

/** Whatever a client says its body is, it is read as text and parsed by us. */
function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', async request => {
    // Even a content type that is none must not be refused.
    if (request.headers['content-type'] !== undefined) request.headers['content-type'] = 'text/plain'
  })
}

/** Every request that matches a route gets an id; browsers are sent away. */
async function greet(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  if (hasOddSlash(request.url)) return notFound(reply)
  reply.header('x-toxiproxy-request-id', randomBytes(10).toString('hex'))
  if (!request.headers['user-agent']?.startsWith('Mozilla/')) return undefined
  return sendText(reply, 403, 'User agent not allowed\n')
}

/** A name that is empty or holds a slash matches no route. */
const hasOddSlash = (url: string) => /%2f|.\/$/i.test(url.split('?')[0] ?? '')

function notFound(reply: FastifyReply): FastifyReply {
  return sendText(reply, 404, '404 page not found\n')
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type(PLAIN_TEXT).header('x-content-type-options', 'nosniff').send(text)
}

function errorAnswer(status: number, message: string): Answer {
  return { status, text: `${writeJson({ error: message, status })}\n`, type: PLAIN_TEXT }
}

function send(reply: FastifyReply, { status, text, type }: Answer): FastifyReply {
  if (text === undefined || type === undefined) return reply.code(status).send()
  if (type === PLAIN_TEXT) return sendText(reply, status, text)
  return reply.code(status).header('content-type', type).send(Buffer.from(text))
}
