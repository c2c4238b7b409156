// From a Fastify request into the chain, and back.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asGatewayError } from '../errors.ts'
import type { Forwarding } from '../forwarding.ts'
import { TIMEOUT_FIELD } from '../guards/deadline.ts'
import type { GatewayRequest, GatewayResponse, Next, RequestParts } from '../guards/guard.ts'
import { headerOf } from '../headers.ts'
import type { Shed } from '../load-shedding.ts'
import type { Pipeline } from '../pipeline.ts'
import { clientGone, sendRefusal, sendResponse } from './reply.ts'

/** What every route of the chain needs. */
export interface ChainContext {
  pipeline: Pipeline
  forwarding: Forwarding
  shed: Shed
  /** Counts an answer by its kind. */
  tell(what: string): void
  isDraining(): boolean
  /** Tells of an error of the gateway itself. */
  failed(error: unknown): void
}

/** Runs a request through the chain and writes what comes of it; never throws. */
export async function answerThroughChain(
  context: ChainContext,
  request: FastifyRequest,
  reply: FastifyReply,
  parts: RequestParts,
  next: Next,
): Promise<void> {
  reply.hijack()
  const { raw } = reply
  const asked = context.pipeline.receive(parts, headerOf(request.raw.rawHeaders, TIMEOUT_FIELD))
  let isAnswered = false
  raw.once('close', () => {
    // Not its answer, where what came after the header turned out not to be HTTP.
    if (!isAnswered || !raw.writableFinished) asked.cancel(clientGone())
  })
  try {
    if (asked.cancelled !== null) throw asked.cancelled
    context.shed(asked.arrivedAt)
    const response = await next(asked)
    isAnswered = true
    context.tell(kindOf(asked, response))
    sendResponse(raw, asked, response, context.isDraining())
  } catch (error) {
    isAnswered = true
    const refusal = asGatewayError(error)
    context.tell(refusal.code)
    if (refusal.code === 'internal') context.failed(error)
    sendRefusal(raw, refusal, { request: asked, isLast: context.isDraining() })
  }
}

function kindOf({ trace }: GatewayRequest, { status }: GatewayResponse): string {
  if (trace.forwarded !== undefined) return `status-${Math.floor(status / 100)}xx`
  return trace.hitTtlSeconds < 0 ? 'stale' : 'cached'
}
