import { epochNow } from '../epoch-now.ts'
import { EVERY } from './doubtful.ts'
import type { NearStore } from './memory.ts'
import type { SharedStore } from './redis-store.ts'
import type { CacheEntry, CacheStore } from './store.ts'

/**
 * A near store in front of a shared one: what is found far is kept near, what is stored goes to both, and what another
 * gateway deletes is forgotten near as well. A gateway that cannot hear of it goes on for as long as what it has
 * near is fresh, no longer.
 */
export function tieredStore(near: NearStore, far: SharedStore): CacheStore {
  /** Keys by their names in the shared store, of what is near. */
  const keys = new Map<string, string>()
  near.onGone(key => keys.delete(far.nameOf(key)))
  const stopHearing = far.onDelete(name => {
    const key = keys.get(name)
    if (key !== undefined) near.delete(key)
    else if (name.endsWith(EVERY)) forgetAll(name.slice(0, -EVERY.length))
  })

  function forgetAll(start: string): void {
    for (const [name, key] of [...keys]) if (name.startsWith(start)) near.delete(key)
  }

  function keepNear(key: string, entry: CacheEntry): void {
    near.set(key, entry)
    // What has no room near is not there to be forgotten.
    if (near.get(key) === entry) keys.set(far.nameOf(key), key)
  }

  return {
    get(key, waitUntil) {
      const found = near.get(key)
      const now = epochNow()
      // What is no longer fresh here may have been renewed by another gateway.
      if (found !== undefined && now < found.freshUntil) return found
      return Promise.resolve(far.get(key, waitUntil)).then(entry => {
        if (entry === undefined || now >= entry.keepUntil) return found
        if (found !== undefined && found.storedAt >= entry.storedAt) return found
        keepNear(key, entry)
        return entry
      })
    },
    set(key, entry) {
      keepNear(key, entry)
      far.set(key, entry)
    },
    delete(key) {
      near.delete(key)
      far.delete(key)
    },
    empty() {
      near.empty()
      far.empty()
    },
    onForgotten: forgotten => far.onForgotten?.(forgotten),
    async purge(purge) {
      // First far: what is found there meanwhile would be kept near.
      try {
        await far.purge(purge)
      } finally {
        await near.purge(purge)
      }
    },
    held: () => near.held?.() ?? { entries: 0, bytes: 0 },
    close() {
      stopHearing()
      near.close()
      far.close()
    },
  }
}
