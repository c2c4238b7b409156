import { performance } from 'node:perf_hooks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asGatewayError } from '../errors.ts'
import { GatewayRequest } from '../guards/request.ts'
import type { Account } from '../telemetry/account.ts'
import { outcomeOfRefusal } from '../telemetry/outcome.ts'
import { Exchange } from './exchange.ts'
import { sendRefusal } from './reply.ts'

/** Refuses a request that does not get as far as the chain, and tells of it as of any other. */
export function refuseEarly(
  account: Account,
  request: FastifyRequest,
  reply: FastifyReply,
  reason: unknown,
  { isLast = false }: { isLast?: boolean } = {},
): void {
  reply.hijack()
  const error = asGatewayError(reason)
  const exchange = new Exchange(account, request, reply.raw, outsideTheChain(request))
  exchange.settle(outcomeOfRefusal(error))
  sendRefusal(reply.raw, error, { isLast })
}

function outsideTheChain({ method, ip }: FastifyRequest): GatewayRequest {
  const parts = { method, path: '/', route: 'unknown', client: ip, headers: [], body: null } as const
  return new GatewayRequest(parts, performance.now(), Number.POSITIVE_INFINITY)
}
