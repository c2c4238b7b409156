// What a request is refused for before a route is looked for.
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { isHost } from '../public-origin.ts'
import { targetProblem } from './target.ts'

/** Most fields in a header; Node reads one more, and drops the rest in silence. */
export const MOST_FIELDS = 100

/** As Node takes it. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i

/** Why a request is not accepted, or undefined when it is. */
export function requestProblem(request: IncomingMessage, mostBodyBytes: number): GatewayError | undefined {
  if (request.httpVersionMajor !== 1) {
    return new GatewayError('version-not-supported', `HTTP/${request.httpVersion}; send HTTP/1.1 or HTTP/1.0`)
  }
  if (request.rawHeaders.length > 2 * MOST_FIELDS) {
    return new GatewayError('header-too-large', `the header has more than ${MOST_FIELDS} fields`)
  }
  const hostFault = hostProblem(request)
  if (hostFault !== undefined) return new GatewayError('bad-request', hostFault)
  if (request.method === 'TRACE') return methodNotAllowed('TRACE')
  const targetFault = targetProblem(request.url ?? '')
  if (targetFault !== undefined) return new GatewayError('bad-path', targetFault)
  return expectationProblem(request) ?? bodyProblem(request, mostBodyBytes)
}

/** The refusal of a method that no route takes. */
export function methodNotAllowed(method: string): GatewayError {
  return new GatewayError('method-not-allowed', `${method} is not passed on`, {
    headers: ['Allow', ALLOWED],
  })
}

/** What the gateway says of itself to an OPTIONS that goes no further. */
export const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

function hostProblem({ headers: { host }, httpVersionMinor }: IncomingMessage): string | undefined {
  if (host === undefined) return httpVersionMinor === 0 ? undefined : 'the Host field is missing'
  return isHost(host) ? undefined : 'the Host field must hold one host, with a port or without'
}

/** HTTP/1.0 expects nothing (RFC 9110, 10.1.1). */
function expectationProblem({ headers: { expect }, httpVersionMinor }: IncomingMessage) {
  if (expect === undefined || httpVersionMinor === 0 || CONTINUE.test(expect)) return undefined
  return new GatewayError('expectation-failed', 'only 100-continue can be expected')
}

function bodyProblem(request: IncomingMessage, mostBytes: number): GatewayError | undefined {
  const { 'transfer-encoding': coding, 'content-length': length } = request.headers
  if (coding !== undefined) {
    if (request.httpVersionMinor === 0)
      return new GatewayError('bad-request', 'HTTP/1.0 knows no Transfer-Encoding')
    if (coding.toLowerCase() !== 'chunked')
      return new GatewayError('coding-not-supported', `Transfer-Encoding is "${coding}"; accepted: chunked`)
  }
  if (length !== undefined && Number(length) > mostBytes)
    return new GatewayError(
      'body-too-large',
      `the body is ${length} bytes long; accepted: up to ${mostBytes}`,
    )
  return undefined
}

/** Does a body follow the header? */
export function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && Number(length) > 0
}
