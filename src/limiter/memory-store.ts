import { performance } from 'node:perf_hooks'
import { type Bucket, type Fill, fill, type Leak } from './gcra.ts'
import type { PluginStore } from './plugin-store.ts'
import { remember } from './remember.ts'

/** Clients that are told apart at once on one route; past that, who was quiet for longest starts anew. */
const CLIENTS = 50_000

type Buckets = (client: string) => Bucket

/** The buckets of one route's clients in this process; they outlive the settings by which they leak. */
export function memoryBuckets(): Buckets {
  return remember(CLIENTS, () => ({ emptyAt: 0 }))
}

/** A store in this process. */
export interface MemoryStore extends PluginStore {
  /** What came of the last request; can be taken once. */
  take(): Fill
}

/**
 * Counts at once. The plugin asks its store before it first waits, so that whoever asked the plugin can take the
 * answer right away, some turns before the plugin's promise brings the same.
 */
export function memoryStore(buckets: Buckets, leak: Leak): MemoryStore {
  let latest: Fill | undefined
  return {
    incr(key, callback) {
      latest = fill(buckets(key), leak, performance.now())
      const current = latest.isExceeded ? leak.burst + 1 : leak.burst - latest.remaining
      callback(null, { current, ttl: latest.waitMs })
    },
    take() {
      if (latest === undefined) throw new TypeError('@fastify/rate-limit did not ask its store at once')
      const taken = latest
      latest = undefined
      return taken
    },
  }
}
