// What an answer was worth to the client who waited for it. Pure: the wire is read in exchange.ts.
import type { Outcome } from '../../report/report.ts'
import { type CacheStatus, parseCacheStatus } from './cache-status.ts'
import type { Ending } from './messages.ts'

/** The header fields that decide an outcome, as undici hands them over. */
export type AnswerHeaders = Record<string, string | string[] | undefined>

/** An exchange that has ended. */
export interface Answer {
  ending: Ending
  isRead: boolean
  /** The path that was asked for, query included. */
  path: string
  /** 0 where no status line came. */
  status: number
  headers: AnswerHeaders
  /** CRC-32 of the body as it came; looked at only where the upstream stamps. */
  bodyCrc: number
  /** The body of an `application/problem+json` answer, else empty. */
  problem: string
  endedEpochMs: number
}

export interface Rules {
  isStamped: boolean
  freshMs: number
}

export interface Judgement {
  outcome: Outcome
  /** NaN where nobody said. */
  ageMs: number
  isCollapsed: boolean
}

/** How far over `freshMs` a measured age may be: the way from the upstream, and two clocks read by two processes. */
export const AGE_TOLERANCE_MS = 250

const NO_CACHE: CacheStatus = { isHit: false, isCollapsed: false, ttlSeconds: null }

/** The one outcome of an exchange, with the age of what it delivered. */
export function classify(answer: Answer, rules: Rules): Judgement {
  const failed = failureOf(answer, rules)
  if (failed !== null) return { outcome: failed, ageMs: Number.NaN, isCollapsed: false }
  const field = text(answer.headers['cache-status'])
  const cache = field === '' ? NO_CACHE : parseCacheStatus(field)
  const { isCollapsed } = cache
  if (!answer.isRead) return { outcome: 'fresh', ageMs: Number.NaN, isCollapsed }
  const version = rules.isStamped ? number(answer.headers['x-origin-version']) : Number.NaN
  // The Age field counts whole seconds: good enough to show, too coarse to call an answer stale.
  const ageMs = Number.isNaN(version)
    ? number(answer.headers.age) * 1_000
    : Math.max(0, answer.endedEpochMs - version)
  const isTooOld = !Number.isNaN(version) && ageMs > rules.freshMs + AGE_TOLERANCE_MS
  if (isTooOld || (cache.ttlSeconds ?? 0) < 0) return { outcome: 'stale', ageMs, isCollapsed }
  return { outcome: cache.isHit ? 'cached' : 'fresh', ageMs, isCollapsed }
}

function failureOf(answer: Answer, { isStamped }: Rules): Outcome | null {
  const { ending, status } = answer
  if (ending === 'dropped') return 'unsent'
  if (ending === 'timeout') return 'timeout'
  if (ending !== 'ok') return isStamped && status >= 200 && status < 400 ? 'corrupt' : 'error'
  if (status >= 400) return isShed(answer) ? 'shed' : 'error'
  if (isStamped && !isIntact(answer)) return 'corrupt'
  if (isStamped && answer.isRead && !isWhatWasAsked(answer)) return 'wrong'
  return null
}

function isShed({ status, problem }: Answer): boolean {
  if ((status !== 429 && status !== 503) || problem === '') return false
  try {
    return typeof JSON.parse(problem)?.code === 'string'
  } catch {
    return false
  }
}

// An answer without a stamp was not made by the upstream (a gateway's own page), so its body cannot be judged.
function isIntact({ headers, bodyCrc }: Answer): boolean {
  const stamp = text(headers['x-origin-checksum'])
  return stamp === '' || Number.parseInt(stamp, 16) === bodyCrc
}

// The gateway's own prefix comes before what the upstream was asked for.
function isWhatWasAsked({ headers, path }: Answer): boolean {
  const stamp = text(headers['x-origin-key'])
  return stamp === '' || path.endsWith(`/${stamp}`)
}

function text(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

function number(value: string | string[] | undefined): number {
  const field = text(value)
  return field === '' ? Number.NaN : Number(field)
}
