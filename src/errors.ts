// The one table of refusals: what a client may be told, and what each says about the upstream.
import type { Problem } from './docs/schemas.ts'

/**
 * What a refusal tells the breaker, the retry and the cache about the upstream:
 * - `failed`: it did not do its part
 * - `answered`: it is alive, its answer was of no use
 * - `nothing`: it was not asked, or could not be judged
 */
type AboutUpstream = 'failed' | 'answered' | 'nothing'

interface Refusal {
  status: number
  title: string
  upstream: AboutUpstream
  /** A passing failure: a second attempt may do better. */
  isRetryable?: true
  /** No fault of the upstream; what the cache knew is a better answer. */
  allowsStale?: true
}

/** Every refusal by its stable code: HTTP status, title, and what it says about the upstream. */
export const REFUSALS = {
  'bad-path': { status: 400, title: 'The path is not accepted', upstream: 'nothing' },
  'bad-request': { status: 400, title: 'The request is not valid', upstream: 'nothing' },
  'token-required': { status: 401, title: 'A token is required', upstream: 'nothing' },
  'host-not-allowed': { status: 403, title: 'The Host is not allowed', upstream: 'nothing' },
  'cross-site': { status: 403, title: 'A page of another site may not ask this', upstream: 'nothing' },
  'writes-closed': { status: 403, title: 'Nothing can be changed without a token', upstream: 'nothing' },
  'not-found': { status: 404, title: 'Nothing is served here', upstream: 'nothing' },
  'method-not-allowed': { status: 405, title: 'The method is not accepted', upstream: 'nothing' },
  'header-too-slow': { status: 408, title: 'The request header did not arrive in time', upstream: 'nothing' },
  'upload-too-slow': { status: 408, title: 'The request body did not arrive in time', upstream: 'nothing' },
  'body-too-large': { status: 413, title: 'The request body is too large', upstream: 'nothing' },
  'json-only': { status: 415, title: 'The body must be JSON', upstream: 'nothing' },
  'expectation-failed': { status: 417, title: 'The expectation cannot be met', upstream: 'nothing' },
  'config-invalid': { status: 422, title: 'The settings are not valid', upstream: 'nothing' },
  'rate-limited': { status: 429, title: 'Too many requests', upstream: 'nothing' },
  'header-too-large': { status: 431, title: 'The request header is too large', upstream: 'nothing' },
  'client-gone': { status: 499, title: 'The client hung up', upstream: 'nothing' },
  superseded: { status: 499, title: 'Another attempt was quicker', upstream: 'nothing' },
  internal: { status: 500, title: 'The gateway failed', upstream: 'nothing' },
  'coding-not-supported': { status: 501, title: 'The transfer coding is not supported', upstream: 'nothing' },
  'upstream-unreachable': {
    status: 502,
    title: 'The upstream refuses connections',
    upstream: 'failed',
    isRetryable: true,
  },
  'upstream-reset': {
    status: 502,
    title: 'The upstream broke the connection',
    upstream: 'failed',
    isRetryable: true,
  },
  'upstream-malformed': { status: 502, title: 'The upstream does not speak HTTP', upstream: 'failed' },
  'upstream-error': { status: 502, title: 'The upstream reported a failure', upstream: 'failed' },
  'upstream-invalid': {
    status: 502,
    title: 'The upstream answered with something else than was asked',
    upstream: 'answered',
  },
  'bulkhead-full': {
    status: 503,
    title: 'Too many calls to the upstream at once',
    upstream: 'nothing',
    allowsStale: true,
  },
  'breaker-open': {
    status: 503,
    title: 'The upstream keeps failing',
    upstream: 'nothing',
    allowsStale: true,
  },
  overloaded: { status: 503, title: 'The gateway has more to do than it can', upstream: 'nothing' },
  'purge-incomplete': {
    status: 503,
    title: 'Not everything could be purged',
    upstream: 'nothing',
  },
  draining: { status: 503, title: 'The gateway is shutting down', upstream: 'nothing' },
  'not-cached': { status: 504, title: 'No stored answer will do', upstream: 'nothing' },
  'attempt-timeout': {
    status: 504,
    title: 'The upstream took too long',
    upstream: 'failed',
    isRetryable: true,
  },
  'deadline-exceeded': { status: 504, title: 'The deadline has passed', upstream: 'failed' },
  // Whoever asks for a millisecond must not open the breaker for all. What was known is a better answer to them, too,
  // and costs nobody anything.
  'client-deadline': {
    status: 504,
    title: 'The deadline that the client asked for has passed',
    upstream: 'nothing',
    allowsStale: true,
  },
  'upstream-stalled': { status: 504, title: 'The upstream stopped sending', upstream: 'failed' },
  'version-not-supported': {
    status: 505,
    title: 'The version of HTTP is not supported',
    upstream: 'nothing',
  },
  'loop-detected': { status: 508, title: 'The request came back to this gateway', upstream: 'nothing' },
} as const satisfies Record<string, Refusal>

/** The stable name of a refusal. */
export type RefusalCode = keyof typeof REFUSALS

/** A refusal on its way to the client, without a stack. `retryAfterMs` becomes `Retry-After`, in whole seconds. */
export class GatewayError extends Error {
  override name = 'GatewayError'
  readonly code: RefusalCode
  readonly status: number
  readonly retryAfterMs: number | undefined
  /** Further header fields, flat. */
  readonly headers: readonly string[]
  /** Everything that is wrong, where that is more than one line. */
  readonly problems: readonly string[] | undefined

  constructor(
    code: RefusalCode,
    detail: string,
    more: {
      cause?: unknown
      retryAfterMs?: number
      headers?: readonly string[]
      problems?: readonly string[]
    } = {},
  ) {
    // The code says all that a stack could, which would cost more than the rest of a refusal, when it matters most.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(detail, more.cause === undefined ? undefined : { cause: more.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.status = REFUSALS[code].status
    this.retryAfterMs = more.retryAfterMs
    this.headers = more.headers ?? []
    this.problems = more.problems
  }

  get refusal(): Refusal {
    return REFUSALS[this.code]
  }
}

/** Any error as a refusal: what is not one of ours is `internal`, with its cause kept. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('internal', 'an error of the gateway itself', { cause: error })
}

/** The statuses by which an upstream says that it failed. */
export function isFaultStatus(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504
}

/** Did the upstream fail? Never true of a client that hung up, nor of a refusal of ours. */
export function isUpstreamFault(error: unknown): boolean {
  return error instanceof GatewayError && error.refusal.upstream === 'failed'
}

/** May what the cache knew be served instead of this? Upstream faults, and refusals that it is a better answer than. */
export function allowsStale(error: unknown): boolean {
  return isUpstreamFault(error) || (error instanceof GatewayError && error.refusal.allowsStale === true)
}

/** The passing faults that a second attempt may mend: connect errors, resets, 502, 503, 504. */
export function isRetryable(error: unknown): boolean {
  return error instanceof GatewayError && error.refusal.isRetryable === true
}

/** The statuses that a second attempt may mend. */
export function isRetryableStatus(status: number): boolean {
  return status === 502 || status === 503 || status === 504
}

/** `Retry-After` in whole seconds, at least 1, so that it never says "at once". */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000))
}

/** The refusal as RFC 9457 wants it. */
export function problemOf(error: GatewayError): string {
  return JSON.stringify({
    type: `urn:leeward:problem:${error.code}`,
    title: error.refusal.title,
    status: error.status,
    detail: error.message,
    code: error.code,
    problems: error.problems,
  } satisfies Problem & { problems: unknown })
}
