/** What reached the service since it started. Only grows, so a window is the difference of two readings. */
export interface OriginStats {
  /** Requests for areas; `/health` and `/stats` are in `byRoute` alone. */
  requests: number
  byRoute: Record<string, number>
  byMethod: Record<string, number>
  /** Requests for areas that are waiting or being served now, and the most there ever were. */
  inFlight: number
  inFlightMax: number
  /** Requests for areas with an id that had not been seen. */
  distinctRequestIds: number
  writes: number
  /** Writes whose idempotency key, or request id, had reached the service before. */
  duplicateWrites: number
}

/** An identity is forgotten when this many newer ones have been seen, so that memory stays bounded. */
const REMEMBERED = 200_000

/** Counts what reaches the service. */
export class Counters {
  readonly #stats: OriginStats = {
    requests: 0,
    byRoute: {},
    byMethod: {},
    inFlight: 0,
    inFlightMax: 0,
    distinctRequestIds: 0,
    writes: 0,
    duplicateWrites: 0,
  }
  readonly #requestIds = new Set<string>()
  readonly #writeKeys = new Set<string>()

  /** A request that is not for areas: counted by its route. */
  passed(route: string): void {
    add(this.#stats.byRoute, route)
  }

  /** A request for areas has arrived. */
  arrived(request: { route: string; method: string; requestId: string; writeKey: string }): void {
    const stats = this.#stats
    stats.requests++
    add(stats.byRoute, request.route)
    add(stats.byMethod, request.method)
    stats.inFlightMax = Math.max(stats.inFlightMax, ++stats.inFlight)
    if (request.requestId !== '' && isNew(this.#requestIds, request.requestId)) stats.distinctRequestIds++
    if (request.method !== 'POST') return
    stats.writes++
    if (request.writeKey !== '' && !isNew(this.#writeKeys, request.writeKey)) stats.duplicateWrites++
  }

  /** It has been answered, or its connection is gone. */
  left(): void {
    this.#stats.inFlight--
  }

  read(): OriginStats {
    return structuredClone(this.#stats)
  }
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function isNew(seen: Set<string>, identity: string): boolean {
  if (seen.has(identity)) return false
  seen.add(identity)
  if (seen.size > REMEMBERED) seen.delete(seen.keys().next().value!)
  return true
}
