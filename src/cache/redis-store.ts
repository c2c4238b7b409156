// The tier that several gateways share.
import { hash } from 'node:crypto'
import { epochNow } from '../epoch-now.ts'
import { GatewayError } from '../errors.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import { pathOfKey } from './keys.ts'
import type { Purge } from './purge.ts'
import type { RedisLink } from './redis.ts'
import type { CacheStore } from './store.ts'

const KEY_PREFIX = 'cache:'
const FORGOTTEN = 'cache-forgotten'
/** Beside the body: an answer's header is bounded where it is read from the upstream. */
const HEADER_BYTES = 65_536

/** Ends the name that stands for all names that start with it. */
export const EVERY = '*'

/** A store that others can change, too. */
export interface SharedStore extends CacheStore {
  /** The name of a key in the store: none of what a key is made of can be read from it. */
  nameOf(key: string): string
  /**
   * Calls back with the name of each key that some gateway deletes, as far as it is heard of; see `EVERY`.
   * @returns the way to stop that
   */
  onDelete(forgotten: (name: string) => void): () => void
}

/** Redis forgets an entry when nothing may use it any more. */
export function redisStore(
  link: RedisLink,
  { cacheMaxBodyBytes }: { cacheMaxBodyBytes: number },
): SharedStore {
  return {
    nameOf,
    async get(key, waitUntil) {
      try {
        const value = await link.ask(redis => redis.getBuffer(KEY_PREFIX + nameOf(key)), waitUntil)
        return value === null ? undefined : decodeEntry(value)
      } catch {
        return undefined
      }
    },
    set(key, entry) {
      const ttlMs = Math.ceil(entry.keepUntil - epochNow())
      const value = encodeEntry(entry)
      if (ttlMs <= 0 || value.length > cacheMaxBodyBytes + HEADER_BYTES) return
      link.ask(redis => redis.set(KEY_PREFIX + nameOf(key), value, 'PX', ttlMs)).catch(() => {})
    },
    delete(key) {
      const name = nameOf(key)
      link.ask(redis => redis.del(KEY_PREFIX + name)).catch(() => {})
      link.publish(FORGOTTEN, name)
    },
    async purge(purge) {
      const names = namesOf(purge) + EVERY
      try {
        await link.deleteAll(KEY_PREFIX + names)
      } catch (cause) {
        const detail = 'Redis did not answer: what it keeps may still be there'
        throw new GatewayError('purge-incomplete', detail, { cause })
      }
      link.publish(FORGOTTEN, names)
    },
    onDelete: forgotten => link.listen(FORGOTTEN, forgotten),
    close: () => {},
  }
}

/**
 * Paths, queries and the fields that answers vary by may hold secrets; whoever may list keys must not learn them.
 * What is made out of one path has names that start alike, so that it can be purged.
 */
function nameOf(key: string): string {
  return `${hashOf(pathOfKey(key))}.${hashOf(key)}`
}

/** How the names begin that a purge means. */
function namesOf(purge: Purge): string {
  if ('all' in purge) return ''
  if ('path' in purge) return `${hashOf(purge.path)}.`
  const detail =
    'the names in Redis do not tell how paths begin; accepted: {"all": true} or {"path": "/areas/1"}'
  throw new GatewayError('bad-request', detail)
}

function hashOf(text: string): string {
  return hash('sha256', text, 'base64url')
}
