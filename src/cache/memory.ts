import { LRUCache } from 'lru-cache'
import { isMeant } from './purge.ts'
import type { CacheEntry, CacheStore } from './store.ts'

/** What an entry costs beside its bytes: objects, strings, its place in the index. */
const OVERHEAD_BYTES = 500

/** A store that answers at once. */
export interface NearStore extends CacheStore {
  get(key: string): CacheEntry | undefined
  /** Calls back with each key that is no longer there, deleted or for want of room. */
  onGone(gone: (key: string) => void): void
}

/** A store in this process, bounded in bytes; the least recently used goes first. */
export function memoryStore({ cacheMaxBytes }: { cacheMaxBytes: number }): NearStore {
  let gone: (key: string) => void = () => {}
  const entries = new LRUCache<string, CacheEntry>({
    maxSize: cacheMaxBytes,
    sizeCalculation: bytesOf,
    dispose: (_entry, key, reason) => {
      if (reason !== 'set') gone(key)
    },
  })
  return {
    get: key => entries.get(key),
    set: (key, entry) => void entries.set(key, entry),
    delete: key => void entries.delete(key),
    empty: () => entries.clear(),
    async purge(purge) {
      for (const key of [...entries.keys()]) if (isMeant(purge, key)) entries.delete(key)
    },
    onGone: listener => {
      gone = listener
    },
    held: () => ({ entries: entries.size, bytes: entries.calculatedSize }),
    close: () => entries.clear(),
  }
}

function bytesOf(entry: CacheEntry, key: string): number {
  const headerLength = entry.headers.reduce((length, part) => length + part.length, 0)
  return OVERHEAD_BYTES + 2 * (key.length + headerLength) + entry.body.length
}
