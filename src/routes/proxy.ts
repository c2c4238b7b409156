import { Buffer } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GatewayError } from '../errors.ts'
import type { Received } from '../forwarding.ts'
import type { Next } from '../guards/guard.ts'
import { listOf } from '../headers.ts'
import { withoutInvalidTrace } from '../trace-context.ts'
import { Upload } from '../upload.ts'
import { answerThroughChain, type ChainContext } from './chain.ts'
import { ALLOWED, hasBody } from './request-problem.ts'
import { isHandshake, WEBSOCKET } from './upgrade.ts'

const PREFIX = '/proxy'

/** `/proxy/*`, every method: the upstream's own answer to the rest of the path. */
export function proxyRoute(
  app: FastifyInstance,
  context: ChainContext,
  { uploadMaxBytes }: { uploadMaxBytes: number },
): void {
  const { forwarding } = context
  const nextOf = (raw: IncomingMessage): Next => {
    const { pipeline } = context.live.now
    if (forwarding.isLoop(raw.headers.via)) return asked => pipeline.turnAway(asked, refuseLoop)
    if (isForThisHop(raw)) return asked => pipeline.turnAway(asked, answerForItself)
    return isTunnel(raw) ? pipeline.tunnel : pipeline.run
  }
  app.route({
    method: app.supportedMethods,
    url: `${PREFIX}/*`,
    exposeHeadRoute: false,
    handler: (request, reply) => {
      const { raw } = request
      // The router also takes "/%70roxy/"; the rest of the path is cut off by its length.
      if (!raw.url!.startsWith(`${PREFIX}/`)) return reply.callNotFound()
      const parts = partsOf(request, reply.raw, forwarding.receive(raw), uploadMaxBytes)
      // Fastify need not wait: the answer is not its to send.
      answerThroughChain(context, request, reply, parts, nextOf(raw)).catch(context.failed)
    },
  })
}

function partsOf(
  { raw, ip }: FastifyRequest,
  response: ServerResponse,
  received: Received,
  mostBytes: number,
) {
  return {
    method: raw.method ?? 'GET',
    path: raw.url!.slice(PREFIX.length),
    route: 'proxy',
    client: ip,
    headers: withoutInvalidTrace(received.headers),
    origin: received.origin,
    body: hasBody(raw) ? new Upload(raw, { mostBytes, wanted: () => goAhead(response) }) : null,
    inform: (status: number, fields: readonly string[]) => inform(response, status, fields),
    takesTrailers: raw.httpVersionMinor === 1 && takesTrailers(raw.headers.te),
    upgrade: isTunnel(raw) ? WEBSOCKET : undefined,
  } as const
}

/** Tells a client that waits for it to send its body; HTTP/1.0 waits for nothing. */
function goAhead(response: ServerResponse): void {
  const { headers, httpVersionMinor } = response.req
  if (headers.expect !== undefined && httpVersionMinor === 1 && !response.headersSent)
    response.writeContinue()
}

/** Passes on what comes before the answer; HTTP/1.0 knows of no such thing. */
function inform(response: ServerResponse, status: number, headers: readonly string[]): void {
  if (response.req.httpVersionMinor === 0 || response.headersSent || response.destroyed) return
  try {
    response.writeInformation(status, headers)
  } catch {
    // Fields that cannot be passed on: the answer itself is still to come.
  }
}

function takesTrailers(te: string | string[] | undefined): boolean {
  return te !== undefined && listOf(String(te)).includes('trailers')
}

/** Node has taken the connection out of HTTP's hands for it. */
function isTunnel(raw: IncomingMessage & { upgrade?: boolean }): boolean {
  return raw.upgrade === true && isHandshake(raw)
}

const refuseLoop: Next = async () => {
  throw new GatewayError('loop-detected', 'its Via names this gateway: UPSTREAM_URL leads back here')
}

/** RFC 9110, 7.6.2: an OPTIONS may ask for whoever stands so many hops away. */
function isForThisHop({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['max-forwards'] === '0'
}

const answerForItself: Next = async () => ({
  status: 204,
  headers: ['allow', ALLOWED],
  body: Buffer.alloc(0),
})
