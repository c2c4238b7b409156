import type { GatewayRequest, GatewayResponse } from '../guards/guard.ts'
import { headerOf } from '../headers.ts'

/** The upstream as it names itself in its answers. */
export interface UpstreamAddress {
  upstreamOrigin: string
  upstreamHost: string
  upstreamBasePath: string
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** May the request change what the upstream answers to others? */
export function isWrite({ parts }: GatewayRequest): boolean {
  return !SAFE.has(parts.method)
}

/**
 * The paths whose stored answers a write makes doubtful (RFC 9111, 4.4): its own, and on the same origin those that
 * Location and Content-Location name. A write that was refused changes none; of one without an answer nobody
 * knows, and what is stored is needed then.
 */
export function changedPaths(
  request: GatewayRequest,
  { status, headers }: GatewayResponse,
  upstream: UpstreamAddress,
): string[] {
  if (!isWrite(request) || status >= 400) return []
  const { path } = request.parts
  const named = ['location', 'content-location'].flatMap(name => {
    const other = pathOf(headerOf(headers, name), path, upstream)
    return other === undefined ? [] : [other]
  })
  return [path, ...named]
}

function pathOf(
  reference: string | undefined,
  path: string,
  { upstreamOrigin, upstreamHost, upstreamBasePath }: UpstreamAddress,
): string | undefined {
  if (reference === undefined) return undefined
  const here = URL.parse(upstreamBasePath + path, upstreamOrigin)
  const there = here && URL.parse(reference, here)
  if (there === null || (there.host !== here?.host && there.host !== upstreamHost)) return undefined
  if (!there.pathname.startsWith(`${upstreamBasePath}/`)) return undefined
  return there.pathname.slice(upstreamBasePath.length) + there.search
}
