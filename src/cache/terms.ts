// What a request asks of a cache, read once from its fields (RFC 9111, 5.2.1; RFC 9110, 13 and 14).
import type { RequestParts } from '../guards/request.ts'
import { type Directives, directiveMs, directivesOf } from './directives.ts'
import { fieldKind } from './request-fields.ts'

/** Most requests have none but the defaults: then this is `PLAIN` itself. */
export interface CacheTerms {
  /** Why the store is neither asked nor filled, or undefined where it is. */
  readonly bypass: 'bypass' | 'method' | 'request' | undefined
  readonly hasAuthorization: boolean
  /** The fields beside Authorization by which upstreams tell their users apart. */
  readonly credentials: readonly string[]
  /** Nothing stored will do before the upstream has confirmed it. */
  readonly mustValidate: boolean
  readonly maxAgeMs: number
  readonly minFreshMs: number
  readonly maxStaleMs: number
  readonly isOnlyIfCached: boolean
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

type Draft = { -readonly [Name in keyof CacheTerms]: CacheTerms[Name] }

/** A plain read: whatever is fresh will do. */
export const PLAIN: CacheTerms = Object.freeze({
  bypass: undefined,
  hasAuthorization: false,
  credentials: [],
  mustValidate: false,
  maxAgeMs: Number.POSITIVE_INFINITY,
  minFreshMs: 0,
  maxStaleMs: 0,
  isOnlyIfCached: false,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  range: undefined,
  ifRange: undefined,
})
const OTHER_METHOD: CacheTerms = Object.freeze({ ...PLAIN, bypass: 'method' })
/** With a body, or a wish for another protocol. */
const NO_READ: CacheTerms = Object.freeze({ ...PLAIN, bypass: 'bypass' })

/** One range of bytes: `bytes=0-9`, `bytes=5-`, `bytes=-5`. */
export const ONE_RANGE = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/

/** Reads the terms of a request; names of its fields are in lower case. */
export function readTerms({ method, headers, body, upgrade }: RequestParts): CacheTerms {
  if (method !== 'GET' && method !== 'HEAD') return OTHER_METHOD
  if (body !== null || upgrade !== undefined) return NO_READ
  let draft: Draft | undefined
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!
    const kind = fieldKind(name)
    if (kind === 'plain') continue
    draft ??= { ...PLAIN }
    if (kind === 'credential') draft.credentials = [...draft.credentials, name]
    else readField(draft, name, headers[index + 1]!)
  }
  return draft ?? PLAIN
}

function readField(draft: Draft, name: string, value: string): void {
  if (name === 'cache-control') readDirectives(draft, directivesOf(value))
  // HTTP/1.0's way to say no-cache; beside a Cache-Control it says the same or is wrong.
  else if (name === 'pragma') draft.mustValidate ||= /\bno-cache\b/i.test(value)
  else if (name === 'authorization') draft.hasAuthorization = true
  else if (name === 'if-none-match') draft.ifNoneMatch = joined(draft.ifNoneMatch, value)
  else if (name === 'if-modified-since') draft.ifModifiedSince = value
  else if (name === 'if-range') draft.ifRange = value
  else if (name === 'range') readRange(draft, value)
  // If-Match and If-Unmodified-Since; and a deadline that nobody keeps here: an answer made in haste is one client's.
  else draft.bypass ??= 'bypass'
}

function readDirectives(draft: Draft, directives: Directives): void {
  if (directives.has('no-store')) draft.bypass ??= 'request'
  if (directives.has('no-cache')) draft.mustValidate = true
  if (directives.has('only-if-cached')) draft.isOnlyIfCached = true
  draft.maxAgeMs = Math.min(draft.maxAgeMs, directiveMs(directives, 'max-age') ?? draft.maxAgeMs)
  draft.minFreshMs = directiveMs(directives, 'min-fresh') ?? draft.minFreshMs
  if (directives.get('max-stale') === '') draft.maxStaleMs = Number.POSITIVE_INFINITY
  else draft.maxStaleMs = directiveMs(directives, 'max-stale') ?? draft.maxStaleMs
}

/** Several ranges at once, or ranges of something else than bytes, are the upstream's to answer. */
function readRange(draft: Draft, value: string): void {
  draft.range = value
  if (!ONE_RANGE.test(value)) draft.bypass ??= 'bypass'
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}
