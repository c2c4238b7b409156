// Which of several answers at one path fits a request: `Vary` (RFC 9111, 4.1).
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { headerListOf, headerOf, listOf } from '../headers.ts'
import { fieldKind } from './request-fields.ts'

/** Their members are names without case. */
const CASELESS = new Set(['accept-encoding', 'accept-language', 'accept-charset'])

/**
 * The lower-case field names that the answer depends on, sorted; `*` among them means: on more than can be known.
 * What is encoded was asked for so, said or not: who did not ask could not read it.
 */
export function varyOf(headers: readonly string[]): string[] {
  const field = headerListOf(headers, 'vary')
  const encoding = headerOf(headers, 'content-encoding')
  const isEncoded = encoding !== undefined && encoding.toLowerCase() !== 'identity'
  if (field === undefined) return isEncoded ? ['accept-encoding'] : []
  return [...new Set(isEncoded ? [...listOf(field), 'accept-encoding'] : listOf(field))].sort()
}

/** What this request says in a field that answers vary by: blanks around commas, and lines, make no difference. */
export function selectorOf(request: GatewayRequest, name: string): string {
  const value = headerListOf(request.parts.headers, name)
  if (value === undefined) return ''
  // What is near enough for a choice of language is not near enough for who somebody is.
  if (fieldKind(name) !== 'plain' || value.includes('"')) return `=${value}`
  const plain = value.replace(/\s*,\s*/g, ',').trim()
  return `=${CASELESS.has(name) ? plain.toLowerCase() : plain}`
}

/** Does the answer to one request fit the other too? */
export function matchesVary(one: GatewayRequest, other: GatewayRequest, response: GatewayResponse): boolean {
  return varyOf(response.headers).every(
    name => name !== '*' && selectorOf(one, name) === selectorOf(other, name),
  )
}
