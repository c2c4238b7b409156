// What each of undici's error codes means to a client and to the guards.
import { GatewayError } from './errors.ts'
import type { GatewayRequest } from './guards/guard.ts'

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])
const TOO_SLOW = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
/** By name: the parser's errors have no code of their own. */
const MALFORMED = new Set(['HTTPParserError', 'HeadersOverflowError'])
const OUR_REQUEST = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])

/** What undici reports, as one of our refusals; the original is its cause. */
export function upstreamFailure(error: Error & { code?: string }, request: GatewayRequest): GatewayError {
  const cause = error
  const code = error.code ?? ''
  if (request.parts.body?.errored)
    return new GatewayError('client-gone', 'the request body broke off', { cause })
  if (UNREACHABLE.has(code))
    return new GatewayError('upstream-unreachable', `no connection: ${code}`, { cause })
  if (TOO_SLOW.has(code)) return new GatewayError('upstream-stalled', 'the upstream sends nothing', { cause })
  if (OUR_REQUEST.has(code)) return new GatewayError('bad-request', error.message, { cause })
  if (MALFORMED.has(error.name)) return new GatewayError('upstream-malformed', error.message, { cause })
  return new GatewayError('upstream-reset', `the connection ended early: ${code || error.message}`, { cause })
}
