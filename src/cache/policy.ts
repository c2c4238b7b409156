// What may be shared between clients and stored, for how long: RFC 9111 and RFC 5861, in their simple cases.
import type { CacheTrace, GatewayRequest, GatewayResponse } from '../guards/guard.ts'
import { headerListOf, headerOf, listOf } from '../headers.ts'
import type { CacheEntry } from './store.ts'

export interface CachePolicy {
  /** Freshness of an answer that names none. */
  cacheFreshMs: number
  /** How long after that an answer may stand in for an upstream that fails. */
  cacheStaleIfErrorMs: number
  /** How long after that an answer is served while a fresh one is fetched. */
  cacheStaleWhileRevalidateMs: number
}

/** Fields that make an answer one client's own, or a part of the whole. */
const PERSONAL = new Set([
  'authorization',
  'cookie',
  'range',
  'if-range',
  'if-match',
  'if-modified-since',
  'if-unmodified-since',
])
const STORABLE_STATUSES = new Set([200, 203, 300, 301, 308, 404, 410])
const STREAMED_TYPES =
  /^(text\/event-stream|multipart\/|application\/(x-ndjson|ndjson|jsonl|stream\+json|grpc))/i

/** Why the cache has nothing to say to this request, or undefined when it has. */
export function bypassReason(request: GatewayRequest): CacheTrace['forwarded'] {
  const { method, headers, body } = request.parts
  if (method !== 'GET' && method !== 'HEAD') return 'method'
  if (body !== null) return 'bypass'
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!
    if (PERSONAL.has(name)) return 'bypass'
    if (name === 'cache-control' && /\bno-(cache|store)\b/i.test(headers[index + 1]!)) return 'request'
  }
  return undefined
}

/** May this request wait for the answer to another like it? */
export function mayBeShared(request: GatewayRequest): boolean {
  return bypassReason(request) === undefined && request.header('if-none-match') === undefined
}

/** Equal for requests that ask the same of the same resource, before `Vary`. */
export function resourceKey({ parts }: GatewayRequest): string {
  return `${parts.method} ${parts.route} ${parts.origin ?? ''}${parts.path}`
}

/** The cache's key: GET and HEAD share one. */
export function cacheKey({ parts }: GatewayRequest): string {
  return `${parts.route} ${parts.origin ?? ''}${parts.path}`
}

/** The lower-case field names that the answer depends on; `*` among them means: on more than can be known. */
export function varyOf(headers: readonly string[]): string[] {
  return listOf(headerListOf(headers, 'vary')).sort()
}

/** The cache's key of one variant. */
export function variantKey(base: string, names: readonly string[], request: GatewayRequest): string {
  return names.reduce(
    (key, name) => `${key}\n${name}:${headerListOf(request.parts.headers, name) ?? ''}`,
    base,
  )
}

/** Does the answer to one request fit the other too, by its `Vary`? */
export function matchesVary(one: GatewayRequest, other: GatewayRequest, response: GatewayResponse): boolean {
  return varyOf(response.headers).every(
    name => name !== '*' && headerListOf(one.parts.headers, name) === headerListOf(other.parts.headers, name),
  )
}

/** May several clients have this answer? */
export function mayShareResponse({ headers, body }: GatewayResponse): boolean {
  return Buffer.isBuffer(body) && headerOf(headers, 'set-cookie') === undefined && !isPrivate(headers)
}

function isPrivate(headers: readonly string[]): boolean {
  const directives = headerListOf(headers, 'cache-control')
  return directives !== undefined && /\b(no-store|private|no-cache)\b/i.test(directives)
}

/**
 * Is the answer to be buffered, so that it can be stored, shared, or asked for again when it breaks off?
 * Everything else streams from its first byte.
 * @param mostBytes a body declared longer than this streams
 */
export function isBuffered(request: GatewayRequest, headers: readonly string[], mostBytes: number): boolean {
  if (bypassReason(request) !== undefined) return false
  const declared = headerOf(headers, 'content-length')
  if (declared !== undefined && Number(declared) > mostBytes) return false
  if (STREAMED_TYPES.test(headerOf(headers, 'content-type') ?? '')) return false
  return !isPrivate(headers) && headerOf(headers, 'x-accel-buffering') !== 'no'
}

/** How an answer is stored, or undefined when it may not be. Times are ms since the epoch. */
export function storageOf(
  request: GatewayRequest,
  response: GatewayResponse,
  policy: CachePolicy,
  now: number,
): Omit<CacheEntry, 'body' | 'headers' | 'varyOn'> | undefined {
  const { status, headers } = response
  if (request.parts.method !== 'GET' || !STORABLE_STATUSES.has(status)) return undefined
  if (!mayShareResponse(response) || varyOf(headers).includes('*')) return undefined
  const directives = headerListOf(headers, 'cache-control') ?? ''
  const initialAgeMs = (Number(headerOf(headers, 'age')) || 0) * 1000
  const freshMs = lifetimeMs(headers, directives) ?? policy.cacheFreshMs
  const freshUntil = now + freshMs - initialAgeMs
  const mayBeStale = !/\b(must-revalidate|proxy-revalidate|s-maxage)\b/i.test(directives)
  const until = (directive: string, configuredMs: number) =>
    freshUntil + (mayBeStale ? (secondsOf(directives, directive) ?? configuredMs) : 0)
  const staleIfErrorUntil = until('stale-if-error', policy.cacheStaleIfErrorMs)
  const staleWhileRevalidateUntil = until('stale-while-revalidate', policy.cacheStaleWhileRevalidateMs)
  if (Math.max(staleIfErrorUntil, staleWhileRevalidateUntil) <= now) return undefined
  return { status, storedAt: now, initialAgeMs, freshUntil, staleIfErrorUntil, staleWhileRevalidateUntil }
}

/** The lifetime that the upstream gave the answer, in ms: `s-maxage`, `max-age`, `Expires`, in this order. */
function lifetimeMs(headers: readonly string[], directives: string): number | undefined {
  const seconds = secondsOf(directives, 's-maxage') ?? secondsOf(directives, 'max-age')
  if (seconds !== undefined) return seconds
  const expires = headerOf(headers, 'expires')
  if (expires === undefined) return undefined
  return Math.max(0, Date.parse(expires) - Date.parse(headerOf(headers, 'date') ?? '')) || 0
}

/** A directive's delta-seconds, in ms. */
function secondsOf(directives: string, name: string): number | undefined {
  const match = new RegExp(`(?:^|[\\s,])${name}\\s*=\\s*"?(\\d+)`, 'i').exec(directives)
  return match === null ? undefined : Number(match[1]) * 1000
}
