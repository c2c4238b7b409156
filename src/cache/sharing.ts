// What several clients may wait for together, and what is collected so that they can.
import { Buffer } from 'node:buffer'
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { headerListOf, headerOf } from '../headers.ts'
import { cacheControlOf, directivesOf } from './directives.ts'
import { isForOthers } from './storing.ts'

const STREAMED_TYPES =
  /^(text\/event-stream|multipart\/|application\/(x-ndjson|ndjson|jsonl|stream\+json|grpc))/i
const NO_BODY = new Set([204, 304])

/** May this request wait for the answer to another like it? */
export function mayBeShared({ terms }: GatewayRequest): boolean {
  return (
    terms.bypass === undefined &&
    !terms.mustValidate &&
    !terms.hasAuthorization &&
    terms.credentials.length === 0 &&
    terms.range === undefined
  )
}

/** May several clients have this answer, who asked for it at the same time? */
export function mayShareResponse(response: GatewayResponse): boolean {
  if (!Buffer.isBuffer(response.body) || response.isHurried || !isForOthers(response)) return false
  const directives = directivesOf(cacheControlOf(response.headers))
  return !['no-store', 'private', 'no-cache'].some(name => directives.has(name))
}

/**
 * Is the answer to be buffered, so that it can be stored, shared, or asked for again when it breaks off?
 * Everything else streams from its first byte. What ends only with its connection streams too: nobody can tell
 * whether it is whole.
 * @param headers as the upstream sent them, framing included
 * @param mostBytes a body declared longer than this streams
 */
export function isBuffered(
  { parts, terms }: GatewayRequest,
  status: number,
  headers: readonly string[],
  mostBytes: number,
): boolean {
  if (terms.bypass !== undefined || status === 206) return false
  const hasBody = parts.method !== 'HEAD' && !NO_BODY.has(status)
  const declared = headerOf(headers, 'content-length')
  if (declared === undefined && hasBody && !isChunked(headers)) return false
  if (declared !== undefined && Number(declared) > mostBytes) return false
  if (STREAMED_TYPES.test(headerOf(headers, 'content-type') ?? '')) return false
  if (headerOf(headers, 'x-accel-buffering') === 'no') return false
  const directives = directivesOf(cacheControlOf(headers))
  if (directives.has('no-store') || directives.has('private')) return false
  const isOneClients = terms.hasAuthorization || terms.credentials.length > 0
  return !isOneClients || isStorableForAll(directives, headers)
}

function isChunked(headers: readonly string[]): boolean {
  return /^\s*chunked\s*$/i.test(headerListOf(headers, 'transfer-encoding') ?? '')
}

/** Roughly: what is buffered in vain costs a little time, no more. */
function isStorableForAll(directives: ReadonlyMap<string, string>, headers: readonly string[]): boolean {
  const isSaid = ['public', 's-maxage', 'must-revalidate'].some(name => directives.has(name))
  return isSaid || headerOf(headers, 'vary') !== undefined
}
