import { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import CircuitBreaker from 'opossum'
import { GatewayError, isFaultStatus, isUpstreamFault, REFUSALS } from '../errors.ts'
import { type GatewayResponse, type Guard, type Next, type Tell, whenBodyEnds } from './guard.ts'
import type { GatewayRequest } from './request.ts'

export interface BreakerOptions {
  /** Opens above this share of failures … */
  breakerErrorPercent: number
  /** … of at least so many calls … */
  breakerLeastCalls: number
  /** … within this time. */
  breakerWindowMs: number
  /** How long it stays open before one call may probe. */
  breakerResetMs: number
  /** A call that takes longer than this counts as failed, whatever it brings; 0 is never. */
  slowCallMs: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'
export type BreakerListener = (from: BreakerState, to: BreakerState) => void

/** The breaker of one upstream: its guard, its state, and its end. */
export interface Breaker {
  readonly guard: Guard
  readonly state: BreakerState
  close(): void
}

type Judgement = 'failed' | 'answered' | 'nothing'

const BUCKETS = 10

const nothing = () => {}

/** Of no interest to anybody: the caller has the true one. */
const FAILURE = new Error('the upstream failed')

/**
 * What opossum's action returns: all that it asks of a promise. As the outcome is known, these settle at once, which
 * spares half a dozen promises a call, and the state is the new one when `fire` returns.
 */
const OUTCOMES = {
  answered: settled(
    succeed => succeed(),
    () => {},
  ),
  failed: settled(
    () => {},
    fail => fail(FAILURE),
  ),
}

function settled(then: (succeed: () => void) => void, otherwise: (fail: (reason: Error) => void) => void) {
  const rest = { catch: otherwise }
  return {
    // biome-ignore lint/suspicious/noThenProperty: that is what it is
    then(succeed: () => void) {
      then(succeed)
      return rest
    },
  } as unknown as Promise<void>
}

/**
 * Stops asking an upstream that keeps failing (503), with opossum counting and keeping the state.
 *
 * opossum is told of a call when its outcome is known, and of nothing else: so its error rate is that of the calls
 * that were judged. Kept from it are calls that it would refuse and calls under way (it counts them as calls),
 * results of calls begun in an earlier state (any success closes a half-open breaker), and results that say nothing
 * of the upstream (it takes a filtered error for a success).
 */
export function breaker(options: BreakerOptions, tell: Tell, changed: BreakerListener): Breaker {
  const { breakerResetMs, slowCallMs } = options
  const circuit = createCircuit(options)
  let state: BreakerState = 'closed'
  let generation = 0
  let openedAt = 0
  let isProbing = false
  const enter = (to: BreakerState) => () => {
    const from = state
    state = to
    generation += 1
    isProbing = false
    if (to === 'open') openedAt = performance.now()
    changed(from, to)
  }
  circuit.on('open', enter('open')).on('halfOpen', enter('half-open')).on('close', enter('closed'))

  /** Hands the judgement of a call to opossum, unless the breaker has changed its state since it began. */
  function report(began: number, judgement: Judgement): void {
    if (began !== generation) tell('stale-result')
    else if (judgement === 'answered') circuit.fire(judgement)
    else if (judgement === 'failed') circuit.fire(judgement).catch(nothing)
    else if (state === 'half-open') letNextProbe()
  }

  /** The one probe proved nothing so far: if it brings something yet, that is stale. */
  function letNextProbe(): void {
    generation += 1
    isProbing = false
  }

  /**
   * An upload has no end while it trickles, and nobody else may probe meanwhile: what is not whole by then probes no
   * more. Once it is, the deadline bounds the call.
   * @returns the way to call it off
   */
  function boundUpload({ parts: { body } }: GatewayRequest): () => void {
    if (!isProbing || body === null) return nothing
    const probing = generation
    const timer = setTimeout(() => {
      if (generation === probing && !body.isOver) letNextProbe()
    }, breakerResetMs)
    return () => clearTimeout(timer)
  }

  /** Makes the call and judges it once: at its failure, at its status, or when its body has ended. */
  function call(request: GatewayRequest, next: Next): Promise<GatewayResponse> {
    const began = generation
    const longestBodyMs = isProbing ? breakerResetMs : null
    const begunAt = slowCallMs > 0 ? performance.now() : 0
    const callOff = boundUpload(request)
    const answer = next(request)
    answer.then(
      response => {
        callOff()
        const isSlow = slowCallMs > 0 && upstreamMs(request, begunAt) > slowCallMs
        if (isSlow) tell('slow')
        if (isSlow || isFaultStatus(response.status)) report(began, 'failed')
        else if (Buffer.isBuffer(response.body)) report(began, 'answered')
        else judgeBody(response, longestBodyMs, judgement => report(began, judgement))
      },
      error => {
        callOff()
        report(began, judgementOf(error))
      },
    )
    return answer
  }

  return {
    guard(request, next) {
      if (state === 'open' || isProbing) {
        tell('refused')
        return Promise.reject(breakerOpen(openedAt + breakerResetMs - performance.now()))
      }
      isProbing = state === 'half-open'
      tell(isProbing ? 'probed' : 'admitted')
      return call(request, next)
    },
    get state() {
      return state
    },
    close() {
      // What is under way is judged by nobody: a circuit that is shut down takes any more for a mistake.
      generation += 1
      circuit.shutdown()
    },
  }
}

function createCircuit(options: BreakerOptions) {
  const action = (outcome: keyof typeof OUTCOMES) => OUTCOMES[outcome]
  return new CircuitBreaker<[keyof typeof OUTCOMES], void>(action, {
    errorThresholdPercentage: options.breakerErrorPercent,
    volumeThreshold: options.breakerLeastCalls,
    rollingCountTimeout: options.breakerWindowMs,
    rollingCountBuckets: BUCKETS,
    resetTimeout: options.breakerResetMs,
    // What other guards do, coalescing too, which is off unless asked for …
    timeout: false,
    cache: false,
    // … and what stalls the event loop while the upstream fails.
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  })
}

/** @param longestMs a body still flowing after this is an answer: an endless one must not end all probing */
function judgeBody(
  response: GatewayResponse,
  longestMs: number | null,
  judge: (judgement: Judgement) => void,
): void {
  let isJudged = false
  const once = (judgement: Judgement) => {
    if (isJudged) return
    isJudged = true
    clearTimeout(timer)
    judge(judgement)
  }
  const timer = longestMs === null ? undefined : setTimeout(once, longestMs, 'answered')
  whenBodyEnds(response, reason => {
    // Headers came, and a client that leaves half-way does not unsay them.
    once(reason !== null && isUpstreamFault(reason) ? 'failed' : 'answered')
  })
}

/**
 * How long a call that has its answer now took its upstream: what a client took for its upload is not held against it,
 * nor are the pauses between attempts.
 */
function upstreamMs({ parts: { body }, pausedMs }: GatewayRequest, begunAt: number): number {
  if (body?.isFlowing) return 0
  return performance.now() - Math.max(begunAt, body?.endedAt ?? begunAt) - pausedMs
}

function judgementOf(error: unknown): Judgement {
  return error instanceof GatewayError ? REFUSALS[error.code].upstream : 'nothing'
}

function breakerOpen(remainingMs: number): GatewayError {
  return new GatewayError('breaker-open', 'the upstream has failed too often; it is left alone for a while', {
    retryAfterMs: Math.max(0, remainingMs),
  })
}
