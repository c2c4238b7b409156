// From a Fastify request into the chain, and back.
import { Buffer } from 'node:buffer'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asGatewayError } from '../errors.ts'
import type { Forwarding } from '../forwarding.ts'
import { TIMEOUT_FIELD } from '../guards/deadline.ts'
import type { Next } from '../guards/guard.ts'
import type { RequestParts } from '../guards/request.ts'
import type { Shed } from '../load-shedding.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Account } from '../telemetry/account.ts'
import { outcomeOfAnswer, outcomeOfRefusal } from '../telemetry/outcome.ts'
import type { Tracer } from '../telemetry/tracing.ts'
import { Exchange } from './exchange.ts'
import { sendRefusal, sendResponse } from './reply.ts'

/** What every route of the chain needs. */
export interface ChainContext {
  live: { readonly now: { readonly pipeline: Pipeline; readonly shed: Shed } }
  forwarding: Forwarding
  account: Account
  tracer: Tracer | undefined
  isDraining(): boolean
  /** Tells of an error of the gateway itself. */
  failed(error: unknown): void
}

/** What it asks for is not accepted; that is not free either. */
const refuseCancelled: Next = async ({ cancelled }) => {
  throw cancelled
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
  const { pipeline, shed } = context.live.now
  const span = context.tracer?.begin(parts)
  // Several are one list, which is no number.
  const timeout = request.raw.headers[TIMEOUT_FIELD] as string | undefined
  const asked = pipeline.receive(span === undefined ? parts : { ...parts, span }, timeout)
  const exchange = new Exchange(context.account, request, raw, asked)
  try {
    shed(asked.arrivedAt)
    const response = await (asked.cancelled === null
      ? next(asked)
      : pipeline.turnAway(asked, refuseCancelled))
    exchange.settle(outcomeOfAnswer(asked.trace, response))
    const { body } = response
    if (!Buffer.isBuffer(body) && 'join' in body) exchange.follow(body)
    sendResponse(raw, asked, response, context.isDraining())
  } catch (error) {
    const refusal = asGatewayError(error)
    exchange.settle(outcomeOfRefusal(refusal))
    if (refusal.code === 'internal') context.failed(error)
    sendRefusal(raw, refusal, { request: asked, isLast: context.isDraining() })
  }
}
