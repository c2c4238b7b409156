// Asking the upstream whether what is stored still holds, and taking over what it says (RFC 9111, 4.3).
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { headerOf, without } from '../headers.ts'
import { speaksOf } from './semantics.ts'
import type { CacheEntry } from './store.ts'

const CONDITIONS = new Set(['if-none-match', 'if-modified-since'])
/** They describe the stored bytes, which a 304 does not bring anew, or are for the one client that asked. */
const NOT_RENEWED = new Set([
  'content-length',
  'content-encoding',
  'content-range',
  'content-md5',
  'etag',
  'set-cookie',
])

/**
 * The request with the validators of what is stored in place of the client's own conditions, which are decided here;
 * undefined where there is nothing to be confirmed.
 * @param key under which it is stored
 */
export function validationOf(
  request: GatewayRequest,
  entry: CacheEntry,
  key: string,
): GatewayRequest | undefined {
  const { parts, terms } = request
  if (parts.method !== 'GET' || terms.range !== undefined) return undefined
  const validators: string[] = []
  const etag = headerOf(entry.headers, 'etag')
  const lastModified = headerOf(entry.headers, 'last-modified')
  if (etag !== undefined) validators.push('if-none-match', etag)
  if (lastModified !== undefined) validators.push('if-modified-since', lastModified)
  if (validators.length === 0) return undefined
  return request.withHeaders([...without(parts.headers, CONDITIONS), ...validators], { asksAbout: key })
}

/**
 * Is it the stored answer that this 304 confirms (RFC 9111, 4.3.4)? Asked by date alone, one of another date tells of another
 * answer, older or newer. An upstream that was asked by tag has compared it: what it then names is often the same
 * tag less the suffix of its coding, so that the answer holds, though none of the fields is taken over.
 */
export function confirms(notModified: GatewayResponse, { headers }: CacheEntry): boolean {
  return headerOf(headers, 'etag') !== undefined || speaksOf(headers, notModified.headers)
}

/** The request for the whole, whatever the client has. */
export function unconditional(request: GatewayRequest): GatewayRequest {
  return request.withHeaders(without(request.parts.headers, CONDITIONS))
}

/** The stored answer with what a 304 says about it now, which is of now: so is a Date that it does not tell. */
export function renewed(
  { status, headers, body }: CacheEntry,
  notModified: GatewayResponse,
): GatewayResponse {
  const news = speaksOf(headers, notModified.headers) ? without(notModified.headers, NOT_RENEWED) : []
  const names = new Set(['age', 'date'])
  for (let index = 0; index < news.length; index += 2) names.add(news[index]!)
  return { status, headers: [...without(headers, names), ...news], body }
}
