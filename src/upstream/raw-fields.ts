import type { Dispatcher } from 'undici'
import type { GatewayRequest } from '../guards/guard.ts'
import { HOP_BY_HOP, headerListOf, headerOf, without } from '../headers.ts'

/** Fields as undici hands them over, as flat strings. */
export function rawFields(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  return ((raw ?? []) as Buffer[]).map(part => part.toString('latin1'))
}

/** Fields that mean something only before the body: framing, routing, access, format (RFC 9110, 6.5.1). */
const NOT_AFTER_A_BODY: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'location',
  'set-cookie',
  'vary',
])

/** The fields after a body that may travel on. */
export function trailersIn(raw: Dispatcher.DispatchController['rawTrailers']): string[] {
  return without(rawFields(raw), NOT_AFTER_A_BODY)
}

/** The Trailer field, where the client takes trailers and the framing of the answer has room for them. */
export function announcedTrailers(fields: readonly string[], { parts }: GatewayRequest): string | undefined {
  if (parts.takesTrailers !== true || parts.method === 'HEAD') return undefined
  if (headerOf(fields, 'transfer-encoding') === undefined) return undefined
  return headerListOf(fields, 'trailer')
}
