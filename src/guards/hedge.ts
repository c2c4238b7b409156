import { performance } from 'node:perf_hooks'
import { GatewayError, isFaultStatus } from '../errors.ts'
import { limitAt } from '../limit.ts'
import type { BreakerState } from './breaker.ts'
import { discard, type GatewayResponse, type Guard, type Next, type Tell } from './guard.ts'
import type { PlaceLimits, Places } from './places.ts'
import type { Cancellable, GatewayRequest } from './request.ts'
import type { RetryBudget } from './retry-budget.ts'

/** A second attempt is one of the calls that are limited. */
export interface HedgeOptions extends PlaceLimits {
  /** A read that has no answer after this gets a second attempt beside the first; 0 is never. */
  hedgeMs: number
}

/** What retries and hedges share with the other guards. */
export interface HedgeState {
  readonly budget: RetryBudget
  readonly places: Places
  readonly breaker: { readonly state: BreakerState }
}

/**
 * Makes two attempts of a read that is late; the first good answer wins, and the other attempt is cancelled.
 * A part of the retry: paid from the same budget, and never while the breaker doubts the upstream.
 */
export function hedge(options: HedgeOptions, state: HedgeState, tell: Tell): Guard {
  const { budget, places, breaker } = state

  /** The way to give its place back, where it gets one. */
  function takePlace(client: string): (() => void) | undefined {
    if (breaker.state !== 'closed' || places.problem(options, client) !== undefined) return undefined
    if (!budget.withdraw()) {
      tell('over-budget')
      return undefined
    }
    tell('hedged')
    return places.take(options, client)
  }

  function race(request: GatewayRequest, next: Next): Promise<GatewayResponse> {
    return new Promise((resolve, reject) => {
      const running = new Set<GatewayRequest>()
      let isOver = false
      let leave: (() => void) | undefined
      const begin = () => {
        const attempt = request.fork()
        running.add(attempt)
        next(attempt).then(
          response => ended(attempt, response, () => resolve(response)),
          error => ended(attempt, null, () => reject(error)),
        )
        return attempt
      }
      /** A failure is the outcome only when no other attempt is left. */
      const ended = (attempt: GatewayRequest, response: GatewayResponse | null, settle: () => void) => {
        running.delete(attempt)
        leave?.()
        leave = undefined
        const isGood = response !== null && !isFaultStatus(response.status)
        if (isOver || (!isGood && running.size > 0)) {
          if (response !== null) discard(response)
          return
        }
        isOver = true
        limit.callOff()
        request.unlink(attempts)
        for (const loser of running) loser.cancel(superseded())
        settle()
      }
      const first = begin()
      const limit = limitAt(performance.now() + options.hedgeMs, () => {
        if (first.isAnswered) return
        leave = takePlace(request.parts.client)
        if (leave !== undefined) begin()
      })
      const attempts: Cancellable = {
        cancel(reason) {
          limit.callOff()
          for (const attempt of running) attempt.cancel(reason)
        },
      }
      request.link(attempts)
    })
  }

  return (request, next) => {
    const { method } = request.parts
    return method === 'GET' || method === 'HEAD' ? race(request, next) : next(request)
  }
}

function superseded(): GatewayError {
  return new GatewayError('superseded', 'another attempt was quicker')
}
