// From a stored answer to the one that a client gets.
import { Buffer } from 'node:buffer'
import type { GatewayResponse } from '../guards/guard.ts'
import type { CacheTrace, GatewayRequest } from '../guards/request.ts'
import { without } from '../headers.ts'
import { isKnownToClient, partOf } from './conditions.ts'
import type { CacheEntry } from './store.ts'

/** What a 304 does not repeat. */
const CONTENT = new Set(['content-length', 'content-type', 'content-encoding', 'content-range'])
const LENGTH = new Set(['content-length'])
const NOTHING = Buffer.alloc(0)

/** How old a stored answer is. */
export function ageOf(entry: CacheEntry, now: number): number {
  return Math.max(0, now - entry.storedAt + entry.initialAgeMs)
}

/** Tells that the answer is a stored one, and how long it is fresh yet. */
export function traceHit(trace: CacheTrace, entry: CacheEntry, now: number): void {
  trace.forwarded = undefined
  trace.hitTtlSeconds = Math.floor((entry.freshUntil - now) / 1000)
}

/** A stored answer with its age; 304 to a client that has it already, 206 to one that wants a part. */
export function answerFrom(request: GatewayRequest, entry: CacheEntry, now: number): GatewayResponse {
  const age = String(Math.floor(ageOf(entry, now) / 1000))
  return asAsked(request, {
    status: entry.status,
    headers: [...entry.headers, 'age', age],
    body: entry.body,
  })
}

/** A whole answer as this client wants it. */
export function asAsked(request: GatewayRequest, response: GatewayResponse): GatewayResponse {
  const { terms, parts } = request
  const { status, headers, body } = response
  const { ifNoneMatch, ifModifiedSince, range } = terms
  if (ifNoneMatch === undefined && ifModifiedSince === undefined && range === undefined) return response
  if (status !== 200 || !Buffer.isBuffer(body)) return response
  if (isKnownToClient(terms, headers))
    return { status: 304, headers: without(headers, CONTENT), body: NOTHING }
  const part = parts.method === 'GET' ? partOf(terms, headers, body.length) : undefined
  if (part === undefined) return response
  if (part === 'unsatisfiable') {
    return {
      status: 416,
      headers: ['content-range', `bytes */${body.length}`, 'content-length', '0'],
      body: NOTHING,
    }
  }
  const { first, last } = part
  const own = [
    'content-range',
    `bytes ${first}-${last}/${body.length}`,
    'content-length',
    `${last - first + 1}`,
  ]
  return { status: 206, headers: [...without(headers, LENGTH), ...own], body: body.subarray(first, last + 1) }
}
