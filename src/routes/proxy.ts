import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { forwardedHeaders } from '../headers.ts'
import { withoutInvalidTrace } from '../trace-context.ts'
import { answerThroughChain, type ChainContext } from './chain.ts'

const PREFIX = '/proxy'

/** `/proxy/*`, every method: the upstream's own answer to the rest of the path. */
export function proxyRoute(app: FastifyInstance, context: ChainContext): void {
  app.route({
    method: app.supportedMethods,
    url: `${PREFIX}/*`,
    exposeHeadRoute: false,
    handler: (request, reply) => {
      // The router also takes "/%70roxy/"; the rest of the path is cut off by its length.
      if (!request.raw.url!.startsWith(`${PREFIX}/`)) return reply.callNotFound()
      return answerThroughChain(context, request, reply, partsOf(request), context.pipeline.run)
    },
  })
}

function partsOf({ raw, ip }: FastifyRequest) {
  return {
    method: raw.method ?? 'GET',
    path: raw.url!.slice(PREFIX.length),
    route: 'proxy',
    client: ip,
    headers: withoutInvalidTrace(forwardedHeaders(raw.rawHeaders, ip)),
    body: hasBody(raw) ? raw : null,
  } as const
}

function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  return headers['content-length'] !== undefined && headers['content-length'] !== '0'
}
