import { epochNow } from '../epoch-now.ts'
import { type CacheStore, usableUntil } from './store.ts'

/** A near store in front of a shared one: what is found far is kept near, what is stored goes to both. */
export function tieredStore(near: CacheStore, far: CacheStore): CacheStore {
  return {
    get(key) {
      const found = near.get(key)
      if (found instanceof Promise) throw new TypeError('the near store answers at once')
      const now = epochNow()
      // What is no longer fresh here may have been renewed by another gateway.
      const isEnough = found !== undefined && (now < found.freshUntil || found.varyOn.length > 0)
      if (isEnough) return found
      return Promise.resolve(far.get(key)).then(entry => {
        if (entry === undefined || now >= usableUntil(entry)) return found
        near.set(key, entry)
        return entry
      })
    },
    set(key, entry) {
      near.set(key, entry)
      far.set(key, entry)
    },
    delete(key) {
      near.delete(key)
      far.delete(key)
    },
    held: () => near.held?.() ?? { entries: 0, bytes: 0 },
    close() {
      near.close()
      far.close()
    },
  }
}
