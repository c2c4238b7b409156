// The chain of guards, in reading order: list order is running order.
import { performance } from 'node:perf_hooks'
import type { UnderWay } from './cache/shelf.ts'
import type { CacheStore } from './cache/store.ts'
import type { GatewayConfig } from './config.ts'
import type { GuardState } from './guard-state.ts'
import { attemptLimit } from './guards/attempt-limit.ts'
import { bulkhead } from './guards/bulkhead.ts'
import { cache } from './guards/cache.ts'
import { askedDeadlineMs, deadline, notADeadline, TIMEOUT_FIELD } from './guards/deadline.ts'
import { compose, type Guard, type GuardName, type Next } from './guards/guard.ts'
import { rateLimit } from './guards/rate-limit.ts'
import { GatewayRequest, type RequestParts } from './guards/request.ts'
import { retry } from './guards/retry.ts'
import { singleFlight } from './guards/single-flight.ts'
import { without } from './headers.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Upstream } from './upstream.ts'

/** The chain before its upstream. */
export interface Pipeline {
  /**
   * A request that has just arrived, with its deadline. Where it asks for one that is none, it arrives cancelled.
   * @param askedTimeout the deadline that it asks for, as it was sent
   */
  receive(parts: RequestParts, askedTimeout: string | undefined): GatewayRequest
  /** Through every guard that is on, to the upstream. */
  run: Next
  /** The same for a request that leaves HTTP behind: what is one client's alone is neither kept nor shared. */
  tunnel: Next
  /** The chain of a request that nothing answers, or that is not accepted: the rate limiter counts it, then `refuse` throws. */
  turnAway(request: GatewayRequest, refuse: Next): ReturnType<Next>
}

export interface PipelineParts {
  upstream: Upstream
  store: CacheStore
  /** What is on its way into the store. */
  underWay: UnderWay
  telemetry: Telemetry
  state: GuardState
}

/** What retry and hedge go by where the breaker is not among the guards. */
const NO_BREAKER = { state: 'closed' } as const
const TIMEOUT = new Set([TIMEOUT_FIELD])

export function createPipeline(config: GatewayConfig, parts: PipelineParts): Pipeline {
  const { upstream, store, underWay, telemetry, state } = parts
  const isBreakerOn = config.guards.includes('breaker')
  const deadlineMs = config.guards.includes('deadline') ? config.deadlineMs : Number.POSITIVE_INFINITY

  const chain: Record<GuardName, Guard> = {
    'rate-limit': rateLimit(config, state.limiter.checkUnder(config), telemetry.teller('rate-limit')),
    cache: cache(store, config, telemetry.teller('cache'), underWay),
    'single-flight': singleFlight({ deadlineMs }, telemetry.teller('single-flight')),
    deadline: deadline(config, telemetry.teller('deadline')),
    bulkhead: bulkhead(config, state.places, telemetry.teller('bulkhead')),
    breaker: state.breaker.guard,
    retry: retry(config, isBreakerOn ? state : { ...state, breaker: NO_BREAKER }, telemetry.teller('retry')),
    'attempt-limit': attemptLimit(config, telemetry.teller('attempt-limit')),
  }

  /** The upstream is told how long it has, and may leave out what takes longer. */
  const isHurried = ({ arrivedAt, deadlineAt }: GatewayRequest) =>
    deadlineMs !== Number.POSITIVE_INFINITY && deadlineAt < arrivedAt + deadlineMs

  const callUpstream: Next = request => {
    const { refine } = request.parts
    const answer = upstream.call(request)
    const refined = refine === undefined ? answer : answer.then(refine)
    return isHurried(request) ? refined.then(response => ({ ...response, isHurried: true })) : refined
  }

  const through = (guards: readonly GuardName[]) =>
    compose(
      guards.map(name => chain[name]),
      callUpstream,
    )

  return {
    receive(requestParts, askedTimeout) {
      const arrivedAt = performance.now()
      if (askedTimeout === undefined || deadlineMs === Number.POSITIVE_INFINITY)
        return new GatewayRequest(requestParts, arrivedAt, arrivedAt + deadlineMs)
      const askedMs = askedDeadlineMs(askedTimeout)
      // The upstream is told what is left of it, at each attempt.
      const headers = without(requestParts.headers, TIMEOUT)
      const ownMs = Math.min(deadlineMs, askedMs ?? deadlineMs)
      const asked = new GatewayRequest({ ...requestParts, headers }, arrivedAt, arrivedAt + ownMs)
      if (askedMs === undefined) asked.cancel(notADeadline(askedTimeout))
      return asked
    },
    run: through(config.guards),
    tunnel: through(config.guards.filter(name => name !== 'cache' && name !== 'single-flight')),
    turnAway: (request, refuse) =>
      config.guards.includes('rate-limit') ? chain['rate-limit'](request, refuse) : refuse(request),
  }
}
