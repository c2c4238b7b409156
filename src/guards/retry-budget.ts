import { performance } from 'node:perf_hooks'

export interface RetryBudgetOptions {
  retryBudgetPercent: number
  retryBudgetPerSecond: number
}

/** What all retries and hedges are paid from. */
export interface RetryBudget {
  /** A request came, which earns a share of a retry. */
  deposit(): void
  /** May there be one more? Takes it if so. */
  withdraw(): boolean
}

/** What is put in is kept for so long … */
const MOST_SECONDS = 10
/** … and of so many requests: failures come in bursts, and a share that is not kept is lost to them. */
const MOST_REQUESTS = 1_000

/**
 * A bucket of retries: each request puts in a share of one, each second puts in a few, each retry takes one.
 * It holds what ten seconds and a thousand requests put in, and starts with one second's, or one retry where requests
 * earn some: the first failure may come before they have.
 */
export function retryBudget({ retryBudgetPercent, retryBudgetPerSecond }: RetryBudgetOptions): RetryBudget {
  const share = retryBudgetPercent / 100
  const most = Math.max(1, retryBudgetPerSecond * MOST_SECONDS + share * MOST_REQUESTS)
  let held = Math.max(retryBudgetPerSecond, share > 0 ? 1 : 0)
  let filledAt = performance.now()
  return {
    deposit() {
      held = Math.min(most, held + share)
    },
    withdraw() {
      const now = performance.now()
      held = Math.min(most, held + (retryBudgetPerSecond * (now - filledAt)) / 1000)
      filledAt = now
      if (held < 1) return false
      held -= 1
      return true
    },
  }
}
