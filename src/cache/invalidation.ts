import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { headerOf } from '../headers.ts'

/** The upstream as it names itself in its answers. */
export interface UpstreamAddress {
  upstreamOrigin: string
  upstreamHost: string
  upstreamBasePath: string
}

/** Where clients find the upstream behind the gateway. */
const PROXY_PATH = '/proxy'
const PUBLIC_HOST = /^\w+:\/\/([^;]*)/

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
  const named = ['location', 'content-location'].flatMap(name =>
    pathsOf(headerOf(headers, name), request, upstream),
  )
  return [request.parts.path, ...named]
}

/** Every path that the upstream may mean: it names itself, or the gateway in front of it as it was told to. */
function pathsOf(
  reference: string | undefined,
  { parts: { path, origin = '' } }: GatewayRequest,
  { upstreamOrigin, upstreamHost, upstreamBasePath }: UpstreamAddress,
): string[] {
  if (reference === undefined) return []
  const here = URL.parse(upstreamBasePath + path, upstreamOrigin)
  const there = here && URL.parse(reference, here)
  if (there === null) return []
  const isPublic = there.host === PUBLIC_HOST.exec(origin)?.[1]
  if (!isPublic && there.host !== here?.host && there.host !== upstreamHost) return []
  const starts = new Set([upstreamBasePath, PROXY_PATH, ...(isPublic ? [''] : [])])
  return [...starts]
    .filter(start => there.pathname.startsWith(`${start}/`))
    .map(start => there.pathname.slice(start.length) + there.search)
}
