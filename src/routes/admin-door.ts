// Who may come in at the admin port, and who may change something there.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type GatewayConfig, isLoopback } from '../config.ts'
import { GatewayError } from '../errors.ts'

/** The part of a request that decides. */
export interface Caller {
  readonly method: string
  /** As the Host field names it, without a port. */
  readonly hostname: string
  readonly headers: IncomingHttpHeaders
}

/** Why this request is not let in, or undefined when it is. */
export function doorProblem(caller: Caller, config: GatewayConfig): GatewayError | undefined {
  return (
    hostProblem(caller.hostname, config) ??
    tokenProblem(caller.headers.authorization, config) ??
    pageProblem(caller.headers) ??
    (isRead(caller.method) ? undefined : writeProblem(caller, config))
  )
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** A web page can make a browser call this port, but only under the page's own host name. */
function hostProblem(hostname: string, config: GatewayConfig): GatewayError | undefined {
  const name = hostname.toLowerCase()
  if (isLoopback(name) || name === config.adminHost || config.adminAllowedHosts.includes(name))
    return undefined
  return new GatewayError('host-not-allowed', `not called by a name in ADMIN_ALLOWED_HOSTS: ${hostname}`)
}

function tokenProblem(authorization: string | undefined, config: GatewayConfig): GatewayError | undefined {
  if (config.adminToken === '') return undefined
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? ''
  if (timingSafeEqual(digest(given), digest(config.adminToken))) return undefined
  return new GatewayError('token-required', 'send Authorization: Bearer with the ADMIN_TOKEN', {
    headers: ['WWW-Authenticate', 'Bearer'],
  })
}

/** No page is served here, so what a page asks comes from elsewhere: a read, too, may tell it something. */
function pageProblem(headers: IncomingHttpHeaders): GatewayError | undefined {
  if (headers.origin === undefined && (headers['sec-fetch-site'] ?? 'none') === 'none') return undefined
  return new GatewayError('cross-site', 'sent by a page in a browser; nothing here is for pages')
}

/** JSON is what a form cannot send. */
function writeProblem({ headers }: Caller, config: GatewayConfig): GatewayError | undefined {
  if (config.adminToken === '')
    return new GatewayError(
      'writes-closed',
      'ADMIN_TOKEN is not set; start the gateway with one to change it',
    )
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() === 'application/json') return undefined
  return new GatewayError('json-only', `the Content-Type is "${type}"; accepted: application/json`)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
