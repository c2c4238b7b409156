// The fields of an answer, before its body and after it: what of them goes on to the client.
import type { IncomingHttpHeaders } from 'node:http'
import type { GatewayRequest } from '../guards/request.ts'
import { endToEnd, fieldsOf, HOP_BY_HOP, headerListOf, headerOf, without } from '../headers.ts'

const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/** Fields that mean something only before the body: framing, routing, access, format (RFC 9110, 6.5.1). */
const NOT_AFTER_A_BODY: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'location',
  'set-cookie',
  'vary',
])

/** The fields before the body; Trailer is among them only where trailers will be passed on. */
export function answerFields(
  fields: readonly string[],
  status: number,
  request: GatewayRequest,
  via: string,
): string[] {
  const passedOn = endToEnd(fields)
  const headers = status === 204 ? without(passedOn, CONTENT_LENGTH) : passedOn
  headers.push('via', via)
  const trailers = announcedTrailers(fields, request)
  if (trailers !== undefined) headers.push('trailer', trailers)
  return headers
}

/** The Trailer field, where the client takes trailers and the framing of the answer has room for them. */
function announcedTrailers(fields: readonly string[], { parts }: GatewayRequest): string | undefined {
  if (parts.takesTrailers !== true || parts.method === 'HEAD') return undefined
  if (headerOf(fields, 'transfer-encoding') === undefined) return undefined
  return headerListOf(fields, 'trailer')
}

/** The fields after the body. */
export function trailersIn(trailers: Readonly<IncomingHttpHeaders>): string[] {
  return without(fieldsOf(trailers), NOT_AFTER_A_BODY)
}
