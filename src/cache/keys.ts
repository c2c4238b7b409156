import type { GatewayRequest, RequestParts } from '../guards/request.ts'
import { selectorOf } from './vary.ts'

/**
 * What is asked for, as one string: the key of what is stored for it; GET and HEAD share it. What was asked of another
 * host is another thing: the upstream is told the host, and may put it into its answer.
 */
export function placeOf({ route, origin = '', path }: RequestParts): string {
  return `${route} ${origin}${path}`
}

/** The keys of everything that is made out of this path of the upstream, as far as it was asked of this origin. */
export function keysOfPath(path: string, origin = ''): string[] {
  return [`proxy ${origin}${path}`, `areas ${path}`]
}

/** The path of the upstream that something is made out of, whichever route, host and variant it is for. */
export function pathOfKey(key: string): string {
  const [base = ''] = key.split('\n', 1)
  const place = base.slice(base.indexOf(' ') + 1)
  const host = place.indexOf('://')
  return host === -1 || place.startsWith('/') ? place : place.slice(place.indexOf('/', host + 3))
}

/**
 * The key of the one of several answers that fits this request.
 * @param generation of the list of variants: once the list is forgotten, none of them is found again
 */
export function variantKey(
  base: string,
  { varyOn, generation }: { varyOn: readonly string[]; generation: string },
  request: GatewayRequest,
): string {
  return varyOn.reduce((key, name) => `${key}\n${name}${selectorOf(request, name)}`, `${base}\n${generation}`)
}

/** Equal for reads that ask the upstream the same, before `Vary`. */
export function flightKey({ parts, place, terms }: GatewayRequest): string {
  // A validator may be the same for several variants, and a 304 need not say what it varies by.
  const about = parts.asksAbout ?? place
  // The very string that the store was asked for: it is looked up as it is, where another would be hashed first.
  const key = parts.method === 'GET' ? about : `${parts.method} ${about}`
  const { ifNoneMatch, ifModifiedSince } = terms
  if (ifNoneMatch === undefined && ifModifiedSince === undefined) return key
  // An empty line first: no list of what answers vary by begins with one.
  return `${key}\n\n${ifNoneMatch ?? ''}\n${ifModifiedSince ?? ''}`
}
