import CircuitBreaker from 'opossum'
import { GatewayError, isFaultStatus, isUpstreamFault, REFUSALS } from '../errors.ts'
import {
  type GatewayRequest,
  type GatewayResponse,
  type Guard,
  type Next,
  type Tell,
  whenBodyEnds,
} from './guard.ts'

export interface BreakerOptions {
  /** Opens above this share of failures … */
  breakerErrorPercent: number
  /** … of at least so many calls … */
  breakerLeastCalls: number
  /** … within this time. */
  breakerWindowMs: number
  /** How long it stays open before one call may probe. */
  breakerResetMs: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'
/** The state in which somebody keeps it, whatever the upstream does; null leaves it to itself. */
export type BreakerHold = 'closed' | 'open' | null
export type BreakerListener = (from: BreakerState, to: BreakerState) => void

/** The breaker of one upstream: its guard, its state, and its end. */
export interface Breaker {
  readonly guard: Guard
  readonly state: BreakerState
  close(): void
}

type Judgement = 'failed' | 'answered' | 'nothing'
type Call = () => Promise<void>

const BUCKETS = 10

/**
 * Stops asking an upstream that keeps failing (503), with opossum counting and keeping the state.
 *
 * Kept from opossum: calls it would refuse (it counts them as calls, which dilutes its error rate), results of
 * calls begun in an earlier state (any success closes a half-open breaker), and results that say nothing of the
 * upstream (it takes a filtered error for a success).
 */
export function breaker(options: BreakerOptions, tell: Tell, changed: BreakerListener): Breaker {
  const circuit = new CircuitBreaker<[Call], void>(call => call(), {
    timeout: false,
    errorThresholdPercentage: options.breakerErrorPercent,
    volumeThreshold: options.breakerLeastCalls,
    rollingCountTimeout: options.breakerWindowMs,
    rollingCountBuckets: BUCKETS,
    resetTimeout: options.breakerResetMs,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  })
  let state: BreakerState = 'closed'
  let generation = 0
  let openedAt = 0
  const enter = (to: BreakerState) => () => {
    const from = state
    state = to
    generation += 1
    if (to === 'open') openedAt = performance.now()
    changed(from, to)
  }
  circuit.on('open', enter('open')).on('halfOpen', enter('half-open')).on('close', enter('closed'))

  /** Hands the judgement of a call to opossum, unless the breaker has changed its state since it began. */
  function report(began: number, judgement: Judgement, settle: Settle): void {
    if (began !== generation) tell('stale-result')
    else if (judgement === 'failed') settle.fail(new Error('the upstream failed'))
    else if (judgement === 'answered') settle.succeed()
    else if (state === 'half-open') circuit.open() // the one probe proved nothing: wait for the next
  }

  const guard: Guard = (request, next) => {
    const isAdmitted = circuit.closed || (circuit.halfOpen && circuit.pendingClose)
    if (!isAdmitted) {
      tell('refused')
      return Promise.reject(breakerOpen(openedAt + options.breakerResetMs - performance.now()))
    }
    const began = generation
    tell(state === 'half-open' ? 'probed' : 'admitted')
    return new Promise((resolve, reject) => {
      const call: Call = () =>
        new Promise((succeed, fail) => {
          const settle = { succeed, fail }
          watch(next, request, options.breakerResetMs, judgement => report(began, judgement, settle)).then(
            resolve,
            reject,
          )
        })
      circuit.fire(call).catch(() => {}) // the caller has the error already, and a better one
    })
  }
  return {
    guard,
    get state() {
      return state
    },
    close: () => circuit.shutdown(),
  }
}

interface Settle {
  succeed(): void
  fail(error: Error): void
}

/** Makes the call and judges it once: at its failure, at its status, or when its body has ended. */
async function watch(
  next: Next,
  request: GatewayRequest,
  longestMs: number,
  judge: (judgement: Judgement) => void,
): Promise<GatewayResponse> {
  try {
    const response = await next(request)
    if (isFaultStatus(response.status)) judge('failed')
    else judgeBody(response, longestMs, judge)
    return response
  } catch (error) {
    judge(judgementOf(error))
    throw error
  }
}

/** A body still flowing after this long is an answer: an endless one must not keep the breaker half-open. */
function judgeBody(
  response: GatewayResponse,
  longestMs: number,
  judge: (judgement: Judgement) => void,
): void {
  if (Buffer.isBuffer(response.body)) {
    judge('answered')
    return
  }
  let isJudged = false
  const once = (judgement: Judgement) => {
    if (isJudged) return
    isJudged = true
    clearTimeout(timer)
    judge(judgement)
  }
  const timer = setTimeout(once, longestMs, 'answered')
  whenBodyEnds(response, reason => {
    // Headers came, and a client that leaves half-way does not unsay them.
    once(reason !== null && isUpstreamFault(reason) ? 'failed' : 'answered')
  })
}

function judgementOf(error: unknown): Judgement {
  return error instanceof GatewayError ? REFUSALS[error.code].upstream : 'nothing'
}

function breakerOpen(remainingMs: number): GatewayError {
  return new GatewayError('breaker-open', 'the upstream has failed too often; it is left alone for a while', {
    retryAfterMs: Math.max(0, remainingMs),
  })
}
