// Header fields as flat arrays, name then value, as node:http and undici both take them. Names are in lower case: they are
// compared all the time, and mean the same in any case.
import type { IncomingHttpHeaders } from 'node:http'

/** Fields that belong to one connection (RFC 9110, 7.6.1), and those that the next hop frames anew. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The fields of a header as node:http and undici parse it, each value of a name in a field of its own. */
export function fieldsOf(headers: Readonly<IncomingHttpHeaders>): string[] {
  const fields: string[] = []
  for (const name in headers) {
    const value = headers[name]!
    if (typeof value === 'string') fields.push(name, value)
    else for (const line of value) fields.push(name, line)
  }
  return fields
}

/** The value of the first field with this name. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === name) return headers[index + 1]
  }
  return undefined
}

/** All values of a list field, joined by commas. */
export function headerListOf(headers: readonly string[], name: string): string | undefined {
  return joinedOf(headers, name, ', ')
}

/** All values of a field, with this between them. */
export function joinedOf(headers: readonly string[], name: string, between: string): string | undefined {
  let joined: string | undefined
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] !== name) continue
    joined = joined === undefined ? headers[index + 1]! : joined + between + headers[index + 1]!
  }
  return joined
}

/** The lower-case members of a comma-separated list, without their parameters. */
export function listOf(value: string | undefined): string[] {
  if (value === undefined) return []
  return value
    .split(',')
    .map(member => member.trim().toLowerCase())
    .filter(member => member !== '')
}

/** The fields without these. */
export function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    if (!names.has(headers[index]!)) kept.push(headers[index]!, headers[index + 1]!)
  }
  return kept
}

/** The fields that may travel on: neither hop-by-hop nor named in Connection. */
export function endToEnd(headers: readonly string[]): string[] {
  const kept = without(headers, HOP_BY_HOP)
  const named = namedInConnection(headerListOf(headers, 'connection'))
  return named === undefined ? kept : without(kept, named)
}

/** The fields that a Connection field claims for this hop, beside those that always are; undefined when none. */
export function namedInConnection(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || claimsNothing(connection)) return undefined
  const named = listOf(connection).filter(name => name !== 'close' && !HOP_BY_HOP.has(name))
  return named.length === 0 ? undefined : new Set(named)
}

/** What it says nearly always. Compared, not looked up: a string that has just come would have to be hashed first. */
function claimsNothing(connection: string): boolean {
  return (
    connection === 'keep-alive' ||
    connection === 'close' ||
    connection === 'Keep-Alive' ||
    connection === 'Close'
  )
}
