// Our end of a lease: renews it for as long as this process lives, and tells when that has failed.

/** Without a renewal for `ttlMs` the server ends the lease. */
export interface LeaseTimes {
  ttlMs: number
  renewEveryMs: number
}

/** A lease that is being renewed; that keeps no process alive. */
export interface HeldLease {
  /** Settles with the reason when it has ended without us: what it held is gone, or soon will be. */
  lost: Promise<string>
  /** Ends it, and with it what it still holds. Never throws: left alone, it runs out by itself. */
  release(): Promise<void>
}

/** How to reach the server; both calls answer in bounded time. */
export interface LeaseCalls {
  /** Whether there was still something to renew. Rejects when nobody can say. */
  renew(): Promise<boolean>
  end(): Promise<unknown>
}

/** Renews a lease that has just been taken. */
export function keepLease({ ttlMs, renewEveryMs }: LeaseTimes, { renew, end }: LeaseCalls): HeldLease {
  let renewedAt = performance.now()
  let timer: NodeJS.Timeout
  let isReleased = false
  const { promise: lost, resolve: lose } = Promise.withResolvers<string>()

  const renewIn = (ms: number) => {
    timer = setTimeout(turn, ms).unref()
  }
  async function turn() {
    const askedAt = performance.now()
    const outcome = await renew().catch((error: Error) => error)
    if (isReleased) return
    if (outcome === false) return lose(`it had ended before it was renewed, each ${renewEveryMs} ms`)
    if (outcome === true) renewedAt = askedAt
    else if (performance.now() - renewedAt >= ttlMs) {
      return lose(`it could not be renewed for ${ttlMs} ms: ${outcome.message}`)
    }
    renewIn(Math.max(0, askedAt + renewEveryMs - performance.now()))
  }
  renewIn(renewEveryMs)

  return {
    lost,
    async release() {
      isReleased = true
      clearTimeout(timer)
      await end().catch(() => {})
    },
  }
}
