// What a client asks on conditions, decided from a stored answer (RFC 9110, 13.1 and 14.2).
import { headerOf } from '../headers.ts'
import { httpDateMs } from './http-date.ts'
import { type CacheTerms, ONE_RANGE } from './terms.ts'

/** Members of If-None-Match; quotes are missing often enough. */
const ENTITY_TAGS = /(?:W\/)?"[^"]*"|[^\s,"]+/gi

/** Does the client have this answer already? If-None-Match goes before If-Modified-Since. */
export function isKnownToClient(
  { ifNoneMatch, ifModifiedSince }: CacheTerms,
  headers: readonly string[],
): boolean {
  if (ifNoneMatch !== undefined) return matchesTag(ifNoneMatch, headerOf(headers, 'etag'))
  const since = httpDateMs(ifModifiedSince)
  if (since === undefined) return false
  const changedAt = httpDateMs(headerOf(headers, 'last-modified') ?? headerOf(headers, 'date'))
  return changedAt !== undefined && changedAt <= since
}

/** The weak comparison: what is equal but for its weakness is equal. */
function matchesTag(wanted: string, etag: string | undefined): boolean {
  if (wanted.trim() === '*') return true
  if (etag === undefined) return false
  const opaque = withoutWeakness(etag)
  return wanted.match(ENTITY_TAGS)?.some(tag => withoutWeakness(tag) === opaque) ?? false
}

function withoutWeakness(tag: string): string {
  return tag.replace(/^W\//i, '')
}

/** First and last byte of the part that is asked for, `unsatisfiable`, or undefined where the whole is the answer. */
export function partOf(
  terms: CacheTerms,
  headers: readonly string[],
  length: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const range = ONE_RANGE.exec(terms.range ?? '')
  if (range === null || !isSame(terms.ifRange, headers)) return undefined
  const [, from, to, suffix] = range
  const first = suffix === undefined ? Number(from) : Math.max(0, length - Number(suffix))
  const last = Math.min(length - 1, suffix === undefined && to !== '' ? Number(to) : length - 1)
  if (suffix === undefined && to !== '' && Number(to) < Number(from)) return undefined
  return first > last ? 'unsatisfiable' : { first, last }
}

/** If-Range: a part is of use only where the client has the rest of the very same answer. */
function isSame(ifRange: string | undefined, headers: readonly string[]): boolean {
  if (ifRange === undefined) return true
  const etag = headerOf(headers, 'etag')
  return ifRange.includes('"')
    ? ifRange === etag && !etag.startsWith('W/')
    : ifRange === headerOf(headers, 'last-modified')
}
