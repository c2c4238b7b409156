// How long the sample service takes over a request, and how many it takes on at once.
import { logNormal } from '../../../chaos/random/distributions.ts'
import { randomStream } from '../../../chaos/random/seed.ts'

/** As a scenario's `upstream`. */
export interface ServiceTimeSettings {
  seed: number
  medianMs: number
  /** Standard deviation of the logarithm of the service time. */
  sigma: number
  /** Requests served at once, the others wait their turn; 0 is no limit. */
  capacity: number
}

/** The service time of a request: log-normal, and always the same for the same seed and request. */
export function serviceTimeMs(settings: ServiceTimeSettings, requestId: string): number {
  return logNormal(randomStream(settings.seed, requestId), settings.medianMs, settings.sigma)
}

/**
 * Serves requests for their service time, first come first served. A request whose client has left is served to
 * its end, as most services do.
 */
export class ServiceQueue {
  readonly #settings: ServiceTimeSettings
  readonly #waiting: (() => void)[] = []
  #serving = 0

  constructor(settings: ServiceTimeSettings) {
    this.#settings = settings
  }

  /** Resolves when the request has waited its turn and been served. */
  async serve(requestId: string): Promise<void> {
    const { capacity } = this.#settings
    if (capacity > 0 && this.#serving >= capacity) await new Promise<void>(go => this.#waiting.push(go))
    else this.#serving++
    await elapse(serviceTimeMs(this.#settings, requestId))
    // The place passes to the one who has waited longest, or is given up.
    const next = this.#waiting.shift()
    if (next === undefined) this.#serving--
    else next()
  }
}

/** Resolves once `durationMs` have passed, never before: a timer alone may fire up to a millisecond early. */
export function elapse(durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs
  return new Promise(resolve => {
    const look = () => {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) resolve()
      else setTimeout(look, leftMs)
    }
    look()
  })
}
