// Header fields as flat arrays, name then value, as node:http and undici both take them.

/** Fields that belong to one connection (RFC 9110, 7.6.1), and those that the next hop frames anew. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Answered by this server itself (Expect), or written anew for the upstream. */
const NOT_FORWARDED = new Set(['expect', 'host', 'x-forwarded-for', 'via'])

/** The value of the first field with this lower-case name. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    const candidate = headers[index]!
    if (candidate.length === name.length && candidate.toLowerCase() === name) return headers[index + 1]
  }
  return undefined
}

/** All values of a list field, joined by commas. */
export function headerListOf(headers: readonly string[], name: string): string | undefined {
  let joined: string | undefined
  for (let index = 0; index < headers.length; index += 2) {
    const candidate = headers[index]!
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue
    joined = joined === undefined ? headers[index + 1]! : `${joined}, ${headers[index + 1]}`
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

/** The fields without these; `names` in lower case. */
export function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    if (!names.has(headers[index]!.toLowerCase())) kept.push(headers[index]!, headers[index + 1]!)
  }
  return kept
}

/** The fields that may travel on: neither hop-by-hop nor named in Connection. */
export function endToEnd(headers: readonly string[]): string[] {
  const named = listOf(headerListOf(headers, 'connection')).filter(
    name => name !== 'close' && !HOP_BY_HOP.has(name),
  )
  return without(headers, named.length === 0 ? HOP_BY_HOP : new Set([...HOP_BY_HOP, ...named]))
}

/** A client's fields as the upstream gets them: end to end, names in lower case, the client's address told. */
export function forwardedHeaders(rawHeaders: readonly string[], clientAddress: string): string[] {
  const via = headerListOf(rawHeaders, 'via')
  const kept = without(endToEnd(rawHeaders), NOT_FORWARDED)
  for (let index = 0; index < kept.length; index += 2) kept[index] = kept[index]!.toLowerCase()
  kept.push(
    'x-forwarded-for',
    clientAddress,
    'via',
    via === undefined ? '1.1 leeward' : `${via}, 1.1 leeward`,
  )
  return kept
}
