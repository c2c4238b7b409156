// Writes an answer straight to node:http: no stream objects, one header array.
import type { ServerResponse } from 'node:http'
import { asGatewayError, GatewayError, problemOf, retryAfterSeconds } from '../errors.ts'
import { type CacheTrace, discard, type GatewayRequest, type GatewayResponse } from '../guards/guard.ts'

/** The answer of the chain to its client. `isLast` closes the connection after it. */
export function sendResponse(
  raw: ServerResponse,
  request: GatewayRequest,
  response: GatewayResponse,
  isLast: boolean,
): void {
  const { status, body } = response
  const headers = response.headers.concat(
    request.ownFields,
    'Cache-Status',
    cacheStatus(request.trace, status),
  )
  if (isLast) headers.push('Connection', 'close')
  if (raw.destroyed) {
    discard(response)
    return
  }
  try {
    raw.writeHead(status, headers)
  } catch (error) {
    discard(response)
    const reason = new GatewayError('upstream-malformed', 'the answer has fields that cannot be passed on', {
      cause: error,
    })
    request.trace.brokeOff = reason
    sendRefusal(raw, reason, { request, isLast })
    return
  }
  if (Buffer.isBuffer(body)) {
    raw.end(body)
    return
  }
  raw.on('drain', () => body.resume())
  raw.once('close', () => {
    if (!raw.writableFinished) body.abort(clientGone())
  })
  body.pipe({
    write: chunk => raw.write(chunk),
    end: () => raw.end(),
    // The rest will not come: a reset says so, a polite end would be taken for the whole.
    fail: reason => {
      request.trace.brokeOff = reason
      reset(raw)
    },
  })
}

function reset(raw: ServerResponse): void {
  if (raw.socket === null) raw.destroy()
  else raw.socket.resetAndDestroy()
}

/** A refusal as application/problem+json. Writes nothing when an answer has begun, or nobody listens. */
export function sendRefusal(
  raw: ServerResponse,
  reason: unknown,
  { request, isLast = false }: { request?: GatewayRequest; isLast?: boolean } = {},
): void {
  const error = asGatewayError(reason)
  if (raw.destroyed || raw.headersSent) return
  const body = Buffer.from(problemOf(error))
  const headers = ['Content-Type', 'application/problem+json', 'Content-Length', String(body.length)]
  headers.push('Cache-Control', 'no-store', ...error.headers)
  if (error.retryAfterMs !== undefined) {
    headers.push('Retry-After', String(retryAfterSeconds(error.retryAfterMs)))
  }
  if (request !== undefined) {
    headers.push(...request.ownFields, 'Cache-Status', cacheStatus(request.trace, undefined))
  }
  if (isLast) headers.push('Connection', 'close')
  raw.writeHead(error.status, headers)
  raw.end(body)
}

/** RFC 9211: whether the answer came from the cache, else why the request was forwarded and what came of it. */
export function cacheStatus(trace: CacheTrace, forwardedStatus: number | undefined): string {
  if (trace.forwarded === undefined) {
    const detail = trace.detail === undefined ? '' : `; detail=${trace.detail}`
    return `leeward; hit; ttl=${trace.hitTtlSeconds}${detail}`
  }
  let value = `leeward; fwd=${trace.forwarded}`
  if (forwardedStatus !== undefined) value += `; fwd-status=${forwardedStatus}`
  if (trace.isStored) value += '; stored'
  if (trace.isCollapsed) value += '; collapsed'
  return value
}

/** Why a call is ended whose client has hung up. */
export function clientGone(): GatewayError {
  return new GatewayError('client-gone', 'the client hung up before it had its answer')
}
