import { performance } from 'node:perf_hooks'
import { epochNow } from '../epoch-now.ts'
import { isRetryable, isRetryableStatus } from '../errors.ts'
import { headerOf } from '../headers.ts'
import { limitAt } from '../limit.ts'
import { discard, type GatewayResponse, type Guard, type Next, type Tell } from './guard.ts'
import { type HedgeOptions, type HedgeState, hedge } from './hedge.ts'
import type { Cancellable, GatewayRequest } from './request.ts'

export interface RetryOptions extends HedgeOptions {
  retryAttempts: number
  /** The longest pause before the first retry; it doubles with each … */
  retryBackoffMs: number
  /** … up to this. */
  retryBackoffMostMs: number
}

/** However much time a request has: for longer than this it does not keep its place, only to ask once more. */
const LONGEST_PAUSE_MS = 10_000

/** Forgives a passing fault: what is idempotent and replayable, after a jittered pause, within a budget. */
export function retry(options: RetryOptions, state: HedgeState, tell: Tell, random = Math.random): Guard {
  const { budget, breaker } = state
  const isOpen = () => breaker.state === 'open'
  const hedged = options.hedgeMs === 0 ? undefined : hedge(options, state, tell)

  async function attempts(request: GatewayRequest, next: Next): Promise<GatewayResponse> {
    for (let retries = 0; ; retries += 1) {
      let outcome: Outcome
      try {
        const response = await next(request)
        // A streamed answer is one from its header on: nothing that a client has had a byte of is asked for again.
        if (!isRetryableStatus(response.status)) return response
        outcome = { response }
      } catch (error) {
        if (!isRetryable(error)) throw error
        outcome = { error }
      }
      if (retries >= options.retryAttempts) return finish(outcome)
      const pauseMs = Math.max(random() * longestBackoffMs(options, retries), askedToWaitMs(outcome))
      if (!hasTimeFor(request, pauseMs) || isOpen()) return finish(outcome)
      if (!budget.withdraw()) {
        tell('over-budget')
        return finish(outcome)
      }
      await pauseWith(outcome, request, pauseMs)
      // Opened, or held open, in the meantime.
      if (isOpen()) return finish(outcome)
      tell('retried')
      if ('response' in outcome) discard(outcome.response)
    }
  }

  return (request, next) => {
    budget.deposit()
    if (!request.isReplayable) return next(request)
    return attempts(request, hedged === undefined ? next : asked => hedged(asked, next))
  }
}

/** How an attempt failed that may be made again. */
type Outcome = { response: GatewayResponse } | { error: unknown }

function finish(outcome: Outcome): GatewayResponse {
  if ('error' in outcome) throw outcome.error
  return outcome.response
}

function longestBackoffMs({ retryBackoffMs, retryBackoffMostMs }: RetryOptions, retries: number): number {
  return Math.min(retryBackoffMostMs, retryBackoffMs * 2 ** retries)
}

/** `Retry-After` of the upstream: whole seconds, or a date (RFC 9110, 10.2.3). */
function askedToWaitMs(outcome: Outcome): number {
  if ('error' in outcome) return 0
  const value = headerOf(outcome.response.headers, 'retry-after')?.trim()
  if (value === undefined) return 0
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - epochNow()
  return Math.max(0, waitMs) || 0
}

/** Never past the deadline, and not for a client that has left. */
function hasTimeFor(request: GatewayRequest, pauseMs: number): boolean {
  if (request.cancelled !== null || pauseMs > LONGEST_PAUSE_MS) return false
  return performance.now() + pauseMs < request.deadlineAt
}

/** The failed answer is kept until it is known that another will be asked for. */
async function pauseWith(outcome: Outcome, request: GatewayRequest, pauseMs: number): Promise<void> {
  const begunAt = performance.now()
  try {
    await pause(request, pauseMs)
    request.pausedMs += performance.now() - begunAt
  } catch (error) {
    if ('response' in outcome) discard(outcome.response)
    throw error
  }
}

function pause(request: GatewayRequest, pauseMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = limitAt(performance.now() + pauseMs, () => {
      request.unlink(waiter)
      resolve()
    })
    const waiter: Cancellable = {
      cancel(reason) {
        limit.callOff()
        reject(reason)
      },
    }
    request.link(waiter)
  })
}
