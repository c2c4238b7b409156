// What each of undici's error codes means to a client and to the guards.
import { GatewayError } from '../errors.ts'

const TOO_SLOW = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
/** By name: the parser's errors have no code of their own. */
const MALFORMED = new Set(['HTTPParserError', 'HeadersOverflowError'])
/** What undici says of a 100 Continue, which it never asks for: it ends the connection, though a server may send one. */
const UNASKED_CONTINUE = 'bad response'
/** Of a body that broke off, but also of a header that declares two lengths: then the answer has not begun. */
const LENGTHS_DIFFER = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
const OUR_REQUEST = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])

/**
 * What undici reports, as one of our refusals; the original is its cause.
 * @param isConnected whether there was a connection that the request could be sent on
 * @param isAnswered whether the header of an answer had come
 */
export function upstreamFailure(
  error: Error & { code?: string },
  { isConnected, isAnswered }: { isConnected: boolean; isAnswered: boolean },
): GatewayError {
  if (error instanceof GatewayError) return error
  const cause = error
  const code = error.code ?? ''
  if (OUR_REQUEST.has(code)) return new GatewayError('bad-request', error.message, { cause })
  if (!isConnected || code === 'ETIMEDOUT')
    return new GatewayError('upstream-unreachable', `no connection: ${code || error.message}`, { cause })
  if (TOO_SLOW.has(code)) return new GatewayError('upstream-stalled', 'the upstream sends nothing', { cause })
  if (MALFORMED.has(error.name) || (code === LENGTHS_DIFFER && !isAnswered))
    return new GatewayError('upstream-malformed', error.message, { cause })
  if (error.message === UNASKED_CONTINUE)
    return new GatewayError('upstream-reset', 'it sent 100 Continue unasked, which undici does not take', {
      cause,
    })
  return new GatewayError('upstream-reset', `the connection ended early: ${code || error.message}`, { cause })
}
