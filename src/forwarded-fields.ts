// Which fields of a client's header go on to the upstream, decided once for each name.
import { HOP_BY_HOP } from './headers.ts'

/** Answered by the gateway itself, or written anew for the upstream. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'expect',
  'host',
  'max-forwards',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/** They would name another target, host or scheme than the one under which the answer is kept. */
const OTHER_PLACE: ReadonlySet<string> = new Set([
  'front-end-https',
  'x-forwarded',
  'x-host',
  'x-http-host-override',
  'x-middleware-subrequest',
  'x-original-host',
  'x-original-uri',
  'x-original-url',
  'x-override-url',
  'x-rewrite-url',
  'x-scheme',
  'x-url-scheme',
])

/**
 * They make another method of a POST, and of nothing else: whether a request is a read that may be stored, shared and
 * sent twice is told by its own method.
 */
const OTHER_METHOD: ReadonlySet<string> = new Set([
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
])

/** By these a proxy tells on whose behalf it asks, beside X-Forwarded-*. */
const CLAIMS: ReadonlySet<string> = new Set([
  'cf-connecting-ip',
  'forwarded',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
])

/** What becomes of a field: it is copied, dropped, or copied only from whom is believed or of a POST. */
type Fate = 'copied' | 'dropped' | 'claim' | 'method'

/** A field of a request, and what becomes of it. */
export interface Field {
  readonly name: string
  readonly fate: Fate
}

/** Most spellings that are remembered: clients may make up any number. */
const MOST_SPELLINGS = 1_000
const fields = new Map<string, Field>()

/** The field of a name as it was sent. */
export function fieldOf(spelling: string): Field {
  const known = fields.get(spelling)
  if (known !== undefined) return known
  const name = spelling.toLowerCase()
  const field = { name, fate: fateOf(name) }
  if (fields.size >= MOST_SPELLINGS) fields.clear()
  fields.set(spelling, field)
  return field
}

/** An underscore is a hyphen to upstreams that read fields as CGI does, and to nobody else: as in nginx, it goes no further. */
function fateOf(name: string): Fate {
  if (NOT_COPIED.has(name) || OTHER_PLACE.has(name) || name.includes('_')) return 'dropped'
  if (CLAIMS.has(name) || name.startsWith('x-forwarded-')) return 'claim'
  return OTHER_METHOD.has(name) ? 'method' : 'copied'
}
