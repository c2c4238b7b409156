import { isRetryable, isRetryableStatus } from '../errors.ts'
import { headerOf } from '../headers.ts'
import {
  discard,
  type GatewayRequest,
  type GatewayResponse,
  type Guard,
  type Next,
  type Tell,
} from './guard.ts'

export interface RetryOptions {
  retryAttempts: number
  retryBackoffMs: number
  retryBudgetPercent: number
  retryBudgetPerSecond: number
}

/** Forgives a passing fault: what is idempotent and replayable, after a jittered pause, within a budget. */
export function retry(options: RetryOptions, tell: Tell, random = Math.random): Guard {
  const budget = retryBudget(options)
  return async (request, next) => {
    budget.deposit()
    for (let retries = 0; ; retries += 1) {
      const outcome = await attempt(request, next)
      if (!outcome.isPassing || retries >= options.retryAttempts) return finish(outcome)
      const pauseMs = random() * options.retryBackoffMs
      if (!mayRetry(request, outcome, pauseMs)) return finish(outcome)
      if (!budget.withdraw()) {
        tell('over-budget')
        return finish(outcome)
      }
      tell('retried')
      if ('response' in outcome) discard(outcome.response)
      await pause(request, pauseMs)
    }
  }
}

type Outcome = { isPassing: boolean; response: GatewayResponse } | { isPassing: boolean; error: unknown }

async function attempt(request: GatewayRequest, next: Next): Promise<Outcome> {
  try {
    const response = await next(request)
    return { isPassing: isRetryableStatus(response.status), response }
  } catch (error) {
    return { isPassing: isRetryable(error), error }
  }
}

function finish(outcome: Outcome): GatewayResponse {
  if ('error' in outcome) throw outcome.error
  return outcome.response
}

/** Never for what cannot be sent twice, past the deadline, or while the upstream asks to be left alone. */
function mayRetry(request: GatewayRequest, outcome: Outcome, pauseMs: number): boolean {
  if (!request.isReplayable || request.cancelled !== null) return false
  if (performance.now() + pauseMs >= request.deadlineAt) return false
  return 'error' in outcome || !asksToWait(outcome.response)
}

/** `Retry-After` counts whole seconds, or names a date: either is longer than a request waits. */
function asksToWait(response: GatewayResponse): boolean {
  const value = headerOf(response.headers, 'retry-after')
  return value !== undefined && value.trim() !== '0'
}

function pause(request: GatewayRequest, pauseMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unlink()
      resolve()
    }, pauseMs)
    const unlink = request.onCancel(reason => {
      clearTimeout(timer)
      reject(reason)
    })
  })
}

/**
 * A bucket of retries: each request puts in a share of one, each second puts in a few, each retry takes one.
 * It holds what ten seconds put in without requests, and starts with one second's.
 */
function retryBudget({ retryBudgetPercent, retryBudgetPerSecond }: RetryOptions) {
  const most = Math.max(1, retryBudgetPerSecond * 10)
  let held = retryBudgetPerSecond
  let filledAt = performance.now()
  return {
    deposit() {
      const now = performance.now()
      const earned = retryBudgetPercent / 100 + (retryBudgetPerSecond * (now - filledAt)) / 1000
      held = Math.min(most, held + earned)
      filledAt = now
    },
    withdraw(): boolean {
      if (held < 1) return false
      held -= 1
      return true
    },
  }
}
