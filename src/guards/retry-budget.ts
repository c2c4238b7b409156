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

/** What the seconds alone fill in, at most. */
const MOST_SECONDS = 10

/**
 * A bucket of retries: each request puts in a share of one, each second puts in a few, each retry takes one.
 * It holds what ten seconds put in without requests, and starts with one second's.
 */
export function retryBudget({ retryBudgetPercent, retryBudgetPerSecond }: RetryBudgetOptions): RetryBudget {
  const most = Math.max(1, retryBudgetPerSecond * MOST_SECONDS)
  const share = retryBudgetPercent / 100
  let held = retryBudgetPerSecond
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
