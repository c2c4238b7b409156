// What a field of a request is to a cache, decided once for each name.

/** It reads the field itself; by the field upstreams tell their users apart; neither. */
export type FieldKind = 'terms' | 'credential' | 'plain'

/** The fields of a request that a cache goes by; the last is the client's where no deadline is kept. */
const TERMS = [
  ...['cache-control', 'pragma', 'authorization', 'range', 'if-range', 'if-match', 'if-none-match'],
  ...['if-modified-since', 'if-unmodified-since', 'x-request-timeout-ms'],
]

/**
 * Not only Cookie: what an upstream says to one key, it must not say to all, even where it forgets to say so. There
 * is no list of the names in use, so that whatever looks like one is taken for one: it costs a miss, no more.
 */
const CREDENTIAL =
  /auth|token|secret|session|cookie|key$|jwt|oidc|dpop|assertion|credential|passw|passphrase|signature|identity|principal|impersonat|on-behalf|cert|csrf|xsrf|(?:^|-)(?:user(?!-agent)|username|uid|sid|login|email|account|groups)(?:$|-|id|name)/
/** Of the browser itself, of every browser: `Sec-Fetch-User` tells of a click. */
const OF_THE_BROWSER = /^sec-(?:fetch|ch|websocket)-/

/** Most names that are remembered: clients may make up any number. */
const MOST = 1_000

const kinds = new Map<string, FieldKind>(TERMS.map(name => [name, 'terms']))

/** @param name in lower case */
export function fieldKind(name: string): FieldKind {
  return kinds.get(name) ?? learn(name)
}

function learn(name: string): FieldKind {
  const isCredential = CREDENTIAL.test(name) && !OF_THE_BROWSER.test(name)
  const kind = isCredential ? 'credential' : 'plain'
  if (kinds.size >= MOST) {
    kinds.clear()
    for (const term of TERMS) kinds.set(term, 'terms')
  }
  kinds.set(name, kind)
  return kind
}
