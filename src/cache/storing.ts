// What is kept of an answer, until when, for whom: decided once, when it comes (RFC 9111, 3 and 4.2; RFC 5861).
import { Buffer } from 'node:buffer'
import { isFaultStatus } from '../errors.ts'
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { headerListOf, headerOf, without } from '../headers.ts'
import { type Directives, directiveMs, MOST_SECONDS } from './directives.ts'
import { httpDateMs } from './http-date.ts'
import { judge, type Verdict } from './semantics.ts'
import type { Audience, CacheEntry } from './store.ts'
import { varyOf } from './vary.ts'

export interface CacheRules {
  /** Freshness of an answer that names none. */
  cacheFreshMs: number
  /** How long after that an answer may stand in for an upstream that fails. */
  cacheStaleIfErrorMs: number
  /** How long after that an answer is served while a fresh one is fetched. */
  cacheStaleWhileRevalidateMs: number
  /** No answer is served longer after it stopped being fresh than this, whoever allows it. */
  cacheStaleMaxMs: number
  cacheMaxBodyBytes: number
}

/** When an answer came, in ms since the epoch, and how long it was waited for. */
export interface Arrival {
  at: number
  /** By the clock that is set when it is wrong, as a Date of the upstream is; `at` never goes back. */
  wallClockAt: number
  waitedMs: number
}

/** They tell of the request that was sent, not of what it asked for: one client's mistake must not be everybody's. */
const ABOUT_THE_REQUEST = new Set([
  400, 401, 403, 406, 407, 408, 411, 412, 413, 415, 416, 417, 421, 422, 429, 431,
])
/** By these the upstream forbids to serve an answer stale, whatever is configured. */
const STRICT = ['must-revalidate', 'proxy-revalidate', 'no-cache']
const NOT_STORED = new Set(['age', 'proxy-authentication-info', 'set-cookie'])

/** May others have this answer too, be it at once or later? */
export function isForOthers({ status, headers }: GatewayResponse): boolean {
  return !ABOUT_THE_REQUEST.has(status) && headerOf(headers, 'set-cookie') === undefined
}

/** The answer as it is stored, or undefined where it may not be, or would be of no use. */
export function entryOf(
  request: GatewayRequest,
  response: GatewayResponse,
  rules: CacheRules,
  arrive: () => Arrival,
): CacheEntry | undefined {
  const { status, headers, body } = response
  if (request.parts.method !== 'GET' || !Buffer.isBuffer(body)) return undefined
  if (body.length > rules.cacheMaxBodyBytes || isPart(response) || !isForOthers(response)) return undefined
  const varyOn = varyOf(headers)
  const verdict = judge(request, response)
  if (!verdict.isStorable || varyOn.includes('*')) return undefined
  if (!mayKeepFor(request, verdict.directives, varyOn)) return undefined
  if (isFaultStatus(status) && verdict.freshMs === undefined) return undefined
  const audience = audienceOf(verdict)
  if (request.terms.hasAuthorization && audience !== 'everyone') return undefined
  const arrival = arrive()
  const times = timesOf(response, verdict, rules, arrival)
  if (times.keepUntil <= arrival.at) return undefined
  return {
    status,
    headers: storedHeaders(headers, arrival.at),
    body,
    storedAt: arrival.at,
    ...times,
    audience,
    varyOn: [],
    generation: '',
    rules,
  }
}

/** Some upstreams say 200 of a part; a Content-Range that is none means nothing. */
function isPart({ status, headers }: GatewayResponse): boolean {
  return status === 206 || /^\s*bytes\b/i.test(headerOf(headers, 'content-range') ?? '')
}

/** What was asked with a Cookie or its like is kept where the upstream says that it is for all, or for whom. */
function mayKeepFor({ terms }: GatewayRequest, directives: Directives, varyOn: readonly string[]): boolean {
  if (terms.credentials.length === 0 || directives.has('public') || directives.has('s-maxage')) return true
  return terms.credentials.every(name => varyOn.includes(name))
}

/** A must-revalidate says how an answer may be used, not that it is for all: alone, it names no lifetime to be used in. */
function audienceOf({ directives, freshMs }: Verdict): Audience {
  if (directives.has('public') || directives.has('s-maxage')) return 'everyone'
  if (freshMs === undefined) return 'anonymous'
  return directives.has('must-revalidate') ? 'everyone' : 'labelled'
}

/** Until when an answer may be used, and how; `rules` say what the upstream does not. */
function timesOf(
  { status, headers }: GatewayResponse,
  { directives, freshMs: namedMs }: Verdict,
  rules: CacheRules,
  { at, wallClockAt, waitedMs }: Arrival,
) {
  const isFault = isFaultStatus(status)
  const toldAgeMs = ageMs(headers) + waitedMs
  const initialAgeMs =
    namedMs === undefined ? toldAgeMs : Math.max(toldAgeMs, apparentAgeMs(headers, wallClockAt))
  // A failure may spare the upstream, where that asks for it, but hardly outlast it.
  const freshMs = namedMs ?? rules.cacheFreshMs
  const freshUntil = at + (isFault ? Math.min(freshMs, rules.cacheFreshMs) : freshMs) - initialAgeMs
  const leniency = isFault ? 'none' : leniencyOf(directives)
  const bounded = (ms: number) => freshUntil + Math.min(ms, rules.cacheStaleMaxMs)
  const until = (directive: string, configuredMs: number) => {
    if (leniency === 'none') return freshUntil
    return bounded(directiveMs(directives, directive) ?? (leniency === 'any' ? configuredMs : 0))
  }
  const staleWhileRevalidateUntil = until('stale-while-revalidate', rules.cacheStaleWhileRevalidateMs)
  const staleIfErrorUntil = until('stale-if-error', rules.cacheStaleIfErrorMs)
  const staleUntil = leniency === 'any' ? bounded(Number.POSITIVE_INFINITY) : freshUntil
  const isConfirmable = !isFault && hasValidator(headers)
  const confirmableUntil = isConfirmable ? Math.max(freshUntil, at) + rules.cacheStaleMaxMs : 0
  const keepUntil = Math.max(freshUntil, staleWhileRevalidateUntil, staleIfErrorUntil, confirmableUntil)
  const byRule = {
    isFresh: namedMs === undefined || isFault,
    isStaleWhileRevalidate: !directives.has('stale-while-revalidate'),
    isStaleIfError: !directives.has('stale-if-error'),
  }
  return {
    ...{ initialAgeMs, freshUntil, byRule, staleWhileRevalidateUntil, staleIfErrorUntil, staleUntil },
    keepUntil,
  }
}

/** What may be used stale: nothing, what the upstream names, or what is configured too. */
function leniencyOf(directives: Directives): 'none' | 'named' | 'any' {
  if (STRICT.some(name => directives.has(name))) return 'none'
  return directives.has('s-maxage') ? 'named' : 'any'
}

/** A Date is cut off to whole seconds. */
const DATE_PRECISION_MS = 1_000

/** A number, or the first of a list: but not of several lines, however they were joined on the way. */
const AGE = /^(\d+)(,\S*)?$/

/** The age that an answer says it has. One that cannot be read may be any: then it is past all freshness. */
function ageMs(headers: readonly string[]): number {
  const value = headerListOf(headers, 'age')
  if (value === undefined) return 0
  const seconds = AGE.exec(value)?.[1]
  return (seconds === undefined ? MOST_SECONDS : Math.min(Number(seconds), MOST_SECONDS)) * 1000
}

/**
 * The age by the upstream's own clock, which a server on the way that does not tell Age cannot hide (RFC 9111, 4.2.3).
 * What it leaves to the gateway how long it holds, holds from its arrival on.
 */
function apparentAgeMs(headers: readonly string[], at: number): number {
  const date = httpDateMs(headerOf(headers, 'date'))
  return date === undefined ? 0 : Math.max(0, at - date - DATE_PRECISION_MS)
}

function hasValidator(headers: readonly string[]): boolean {
  return headerOf(headers, 'etag') !== undefined || headerOf(headers, 'last-modified') !== undefined
}

/** With the Date that it should have had, which a server on the way would else make anew for every client. */
function storedHeaders(headers: readonly string[], at: number): string[] {
  const stored = without(headers, NOT_STORED)
  if (headerOf(stored, 'date') === undefined) stored.push('date', new Date(at).toUTCString())
  return stored
}
