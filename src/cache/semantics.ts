// The judge of what a shared cache may keep: http-cache-semantics. What it does not read is read before it is asked:
// directives in any case and in quotes, an Expires that is no date, statuses that RFC 9111 allows and RFC 7234 did not.
import CachePolicy from 'http-cache-semantics'
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { headerListOf, headerOf, joinedOf } from '../headers.ts'
import { cacheControlOf, type Directives, directiveMs, directivesOf } from './directives.ts'
import { httpDateMs } from './http-date.ts'
import { recalling } from './recall.ts'

/** What the judge says about an answer. */
export interface Verdict {
  isStorable: boolean
  /** How long it is fresh from its making on; undefined where the upstream does not say. */
  freshMs: number | undefined
  directives: Directives
}

/** No heuristic of its own: an answer without a lifetime gets the configured one. */
const OPTIONS = { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 }

/** Understood by the judge, and kept only with a lifetime or `public`: as RFC 9111 has it for any final status. */
const LIKE_ANY_OTHER = 302
/** What the judge knows by itself; the rest it would refuse. */
const KNOWN = new Set([200, 203, 204, 206, 300, 301, 302, 303, 304, 307, 308, 404, 405, 410, 414, 501])

/** The verdicts on answers that say this, by their status, and whether they were asked for with Authorization. */
const verdictsOn = recalling(() => new Map<number, Verdict>())

/** The verdict on the answer to a GET. Without an Expires it hangs on a few words, and is not asked for twice. */
export function judge(request: GatewayRequest, { status, headers }: GatewayResponse): Verdict {
  const said = cacheControlOf(headers) ?? pragmaOf(headers)
  const { hasAuthorization } = request.terms
  const expires = headerListOf(headers, 'expires')
  if (expires !== undefined)
    return ask({ status, said, hasAuthorization, expires, date: headerListOf(headers, 'date') })
  const verdicts = verdictsOn(said)
  const key = 2 * status + Number(hasAuthorization)
  let verdict = verdicts.get(key)
  if (verdict === undefined) {
    verdict = ask({ status, said, hasAuthorization })
    verdicts.set(key, verdict)
  }
  return verdict
}

interface Case {
  status: number
  said: string
  hasAuthorization: boolean
  expires?: string
  date?: string | undefined
}

function ask({ status, said, hasAuthorization, expires, date }: Case): Verdict {
  const directives = directivesOf(said)
  const isKnown = KNOWN.has(status) || directives.has('must-understand')
  const policy = new CachePolicy(
    { method: 'GET', headers: hasAuthorization ? { authorization: 'given' } : {} },
    {
      status: isKnown ? status : LIKE_ANY_OTHER,
      headers: {
        'cache-control': written(directives),
        expires: expires && dateOr(expires, 'never'),
        date: dateOr(date, undefined),
      },
    },
    OPTIONS,
  )
  const isLabelled =
    expires !== undefined || ['max-age', 's-maxage', 'no-cache'].some(name => directives.has(name))
  return {
    isStorable: policy.storable(),
    freshMs: isLabelled ? Math.max(0, policy.maxAge()) * 1000 : undefined,
    directives,
  }
}

/**
 * Does this 304 speak of the stored answer whose validators were sent (RFC 9111, 4.3.4)? One that names none does; of several
 * entity tags one is enough.
 */
export function speaksOf(stored: readonly string[], notModified: readonly string[]): boolean {
  const tags = tagsOf(notModified)
  if (tags.length > 0) return tagsOf(stored).some(tag => tags.includes(tag))
  const lastModified = headerOf(notModified, 'last-modified')
  return lastModified === undefined || lastModified === headerOf(stored, 'last-modified')
}

/** The entity tags as the weak comparison has them, one a line. */
function tagsOf(headers: readonly string[]): string[] {
  const lines = joinedOf(headers, 'etag', '\n')
  return lines === undefined ? [] : lines.split('\n').map(tag => tag.replace(/^W\//, ''))
}

/** HTTP/1.0's way to say no-cache counts where there is no Cache-Control. */
function pragmaOf(headers: readonly string[]): string {
  return /\bno-cache\b/i.test(headerListOf(headers, 'pragma') ?? '') ? 'no-cache' : ''
}

/** A lifetime that is no number is none at all; proxy-revalidate is must-revalidate to a shared cache. */
function written(directives: Directives): string {
  const members: string[] = []
  for (const name of directives.keys()) {
    if (name === 'max-age' || name === 's-maxage')
      members.push(`${name}=${directiveMs(directives, name)! / 1000}`)
    else members.push(name === 'proxy-revalidate' ? 'must-revalidate' : name)
  }
  return members.join(',')
}

function dateOr<T>(value: string | undefined, otherwise: T): string | T {
  const ms = httpDateMs(value)
  return ms === undefined ? otherwise : new Date(ms).toUTCString()
}
