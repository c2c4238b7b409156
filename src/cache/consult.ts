import { epochNow } from '../epoch-now.ts'
import { isFaultStatus } from '../errors.ts'
import type { GatewayResponse, Next } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { answerFrom, asAsked } from './answer.ts'
import type { Call } from './shelf.ts'
import type { CacheEntry } from './store.ts'
import { mayStandIn } from './use.ts'
import { confirms, renewed, unconditional, validationOf } from './validation.ts'

/** What came of asking the upstream. */
export interface Consulted {
  response: GatewayResponse
  /** It says that it failed, and what is known may stand in: then nothing was kept. */
  isFault: boolean
}

/** Asks the upstream whether what is known still holds, where that can be asked, and keeps what may be kept. */
export async function consult(
  call: Call,
  known: CacheEntry,
  request: GatewayRequest,
  next: Next,
): Promise<Consulted> {
  const validation = validationOf(request, known, call.key)
  if (validation === undefined) return digest(call, known, request, await next(request))
  const response = await next(validation)
  if (response.status !== 304) return digest(call, known, request, response)
  if (!confirms(response, known)) return digest(call, known, request, await next(unconditional(request)))
  const whole = renewed(known, response)
  request.trace.forwardedStatus = 304
  const entry = call.keep(response, whole)
  request.trace.isStored = entry !== undefined
  const answer = entry === undefined ? asAsked(request, whole) : answerFrom(request, entry, epochNow())
  return { response: withCookies(answer, response), isFault: false }
}

/** Keeps what may be kept. */
export function digest(
  call: Call,
  known: CacheEntry | undefined,
  request: GatewayRequest,
  response: GatewayResponse,
): Consulted {
  request.trace.forwardedStatus = response.status
  if (isFaultStatus(response.status) && mayStandIn(known, epochNow())) return { response, isFault: true }
  request.trace.isStored = call.keep(response) !== undefined
  return { response: asAsked(request, response), isFault: false }
}

/** What a confirmation hands to the one client that asked is not stored with the answer. */
function withCookies(answer: GatewayResponse, confirmation: GatewayResponse): GatewayResponse {
  const cookies: string[] = []
  for (let index = 0; index < confirmation.headers.length; index += 2) {
    const name = confirmation.headers[index]!
    if (name === 'set-cookie') cookies.push(name, confirmation.headers[index + 1]!)
  }
  return cookies.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...cookies] }
}
