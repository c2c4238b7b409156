export interface PlaceLimits {
  /** Calls that may be under way at once … */
  bulkheadMax: number
  /** … and those of them that may be one client's; 0 is as many as there are. */
  bulkheadClientMax: number
}

/** The calls under way, whichever list of guards let them in. */
export interface Places {
  readonly taken: number
  /** Why there is none for this client, or undefined where there is. */
  problem(limits: PlaceLimits, client: string): string | undefined
  /** Takes one; returns the way to give it back. */
  take(limits: PlaceLimits, client: string): () => void
}

/**
 * Clients are told apart only where their number of places is limited; a call that began before that counts for all,
 * and for none of them.
 * @param nameOf the name by which a client is known, of its address
 */
export function createPlaces(nameOf: (address: string) => string): Places {
  let taken = 0
  const held = new Map<string, number>()
  const leave = () => {
    taken -= 1
  }

  function leaveAs(name: string): void {
    leave()
    const left = held.get(name)! - 1
    if (left === 0) held.delete(name)
    else held.set(name, left)
  }

  return {
    get taken() {
      return taken
    },
    problem({ bulkheadMax, bulkheadClientMax }, client) {
      if (taken >= bulkheadMax) return `${taken} calls are under way, the most there may be`
      if (bulkheadClientMax === 0) return undefined
      const own = held.get(nameOf(client)) ?? 0
      if (own < bulkheadClientMax) return undefined
      return `${own} calls of this client are under way, the most that one may have`
    },
    take({ bulkheadClientMax }, client) {
      taken += 1
      if (bulkheadClientMax === 0) return leave
      const name = nameOf(client)
      held.set(name, (held.get(name) ?? 0) + 1)
      return () => leaveAs(name)
    },
  }
}
