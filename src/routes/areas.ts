import { Buffer, isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isForOthers } from '../cache/storing.ts'
import { epochNow } from '../epoch-now.ts'
import { GatewayError, isFaultStatus } from '../errors.ts'
import type { GatewayResponse, Next } from '../guards/guard.ts'
import { fieldsOf, headerOf } from '../headers.ts'
import { traceContextOf } from '../trace-context.ts'
import { answerThroughChain, type ChainContext } from './chain.ts'

/** What of the upstream's fields still holds for the answer made out of its list, line by line. */
const KEPT = new Set(['cache-control', 'pragma', 'age', 'expires', 'date', 'vary'])

/** `GET /aggregate/areas`: the upstream's list of areas, and when it was fetched. */
export function areasRoute(app: FastifyInstance, context: ChainContext): void {
  const next: Next = async request => {
    const response = await context.live.now.pipeline.run(request)
    if (!isFaultStatus(response.status)) return response
    throw new GatewayError('upstream-error', `the upstream answered ${response.status}`)
  }
  app.get('/aggregate/areas', (request, reply) =>
    answerThroughChain(context, request, reply, partsOf(request, context.forwarding.via), next),
  )
}

/**
 * A HEAD asks the upstream with GET, too: its answer has the length of a list that must be known. Conditions are not
 * passed on: they are about an answer of ours, and the upstream's 304 has no list.
 */
function partsOf({ ip, raw }: FastifyRequest, via: string) {
  const headers = ['accept', 'application/json', 'via', via, ...traceContextOf(fieldsOf(raw.headers))]
  return {
    method: 'GET',
    path: '/areas',
    route: 'areas',
    client: ip,
    headers,
    body: null,
    refine: aggregate,
  } as const
}

/**
 * Splices the list into the answer as it is: read once to be sure that it is a list, never written anew.
 * An answer that tells of a fault passes, so that the guards see it as what it is.
 * @throws GatewayError `upstream-invalid` for everything that is not a JSON array
 */
export function aggregate(response: GatewayResponse): GatewayResponse {
  const { status, headers, body } = response
  if (isFaultStatus(status)) return response
  if (status !== 200) throw invalid(`status ${status}`)
  const encoding = headerOf(headers, 'content-encoding')
  if (encoding !== undefined) throw invalid(`a body encoded as ${encoding}, unasked`)
  if (headerOf(headers, 'content-range') !== undefined) throw invalid('a part of a list, unasked')
  if (!Buffer.isBuffer(body) || !isJsonArray(body)) throw invalid('something else than a JSON array')
  const aggregatedAt = new Date(epochNow()).toISOString()
  const whole = Buffer.concat([
    Buffer.from('{"items":'),
    body,
    Buffer.from(`,"aggregated_at":"${aggregatedAt}"}`),
  ])
  const own = ['content-type', 'application/json; charset=utf-8', 'content-length', String(whole.length)]
  const kept = headers.flatMap((name, index) =>
    index % 2 === 0 && KEPT.has(name) ? [name, headers[index + 1]!] : [],
  )
  // A cookie goes no further, but what came with one was for one alone.
  if (!isForOthers(response)) kept.push('cache-control', 'no-store')
  return { status, headers: [...own, ...kept], body: whole }
}

function invalid(got: string): GatewayError {
  return new GatewayError('upstream-invalid', `/areas of the upstream answered ${got}`)
}

function isJsonArray(body: Buffer): boolean {
  if (!isUtf8(body)) return false
  try {
    return Array.isArray(JSON.parse(body.toString()))
  } catch {
    return false
  }
}
