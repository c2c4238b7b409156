// The tier that several gateways share.
import { hash, randomBytes } from 'node:crypto'
import { epochNow } from '../epoch-now.ts'
import { GatewayError } from '../errors.ts'
import { doubtfulNames, EVERY, isMeantBy } from './doubtful.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import { pathOfKey } from './keys.ts'
import type { Purge } from './purge.ts'
import { recalling } from './recall.ts'
import type { RedisLink } from './redis.ts'
import type { CacheStore } from './store.ts'

const KEY_PREFIX = 'cache:'
const FORGOTTEN = 'cache-forgotten'
/** By so many random bytes a gateway knows what it told itself. */
const SELF_BYTES = 6
/** Beside the body: an answer's header is bounded where it is read from the upstream. */
const HEADER_BYTES = 65_536

/** A store that others can change, too. */
export interface SharedStore extends CacheStore {
  /** The name of a key in the store: none of what a key is made of can be read from it. */
  nameOf(key: string): string
  /**
   * Calls back with the name of each key that another gateway deletes; with that of all, `EVERY`, where one may have
   * been missed.
   * @returns the way to stop that
   */
  onDelete(forgotten: (name: string) => void): () => void
}

/** Redis forgets an entry when nothing may use it any more. */
export function redisStore(
  link: RedisLink,
  { cacheMaxBodyBytes }: { cacheMaxBodyBytes: number },
): SharedStore {
  const { listeners, publish, stop } = openChannel(link)
  const doubtful = doubtfulNames(async name => {
    if (name.endsWith(EVERY)) {
      await link.deleteAll(KEY_PREFIX + name)
      publish(name)
      return
    }
    const removed = link.ask(redis => redis.del(KEY_PREFIX + name))
    publish(name)
    await removed
  })
  return {
    nameOf,
    async get(key, waitUntil) {
      const name = nameOf(key)
      if (doubtful.has(name)) return undefined
      try {
        const value = await link.ask(redis => redis.getBuffer(KEY_PREFIX + name), waitUntil)
        return value === null ? undefined : decodeEntry(value)
      } catch {
        return undefined
      }
    },
    set(key, entry) {
      const ttlMs = Math.ceil(entry.keepUntil - epochNow())
      const value = encodeEntry(entry)
      if (ttlMs <= 0 || value.length > cacheMaxBodyBytes + HEADER_BYTES) return
      const name = nameOf(key)
      const wasDoubtful = doubtful.has(name)
      const stored = link.ask(redis => redis.set(KEY_PREFIX + name, value, 'PX', ttlMs))
      stored.then(() => wasDoubtful && doubtful.replaced(name)).catch(() => {})
    },
    delete: key => doubtful.forget(nameOf(key)),
    empty: () => doubtful.forget(EVERY),
    async purge(purge) {
      const names = namesOf(purge) + EVERY
      try {
        await doubtful.during(names, link.deleteAll(KEY_PREFIX + names))
      } catch (cause) {
        const detail = 'Redis did not answer: what it keeps may still be there'
        throw new GatewayError('purge-incomplete', detail, { cause })
      }
      publish(names)
    },
    onDelete(forgotten) {
      listeners.add(forgotten)
      return () => listeners.delete(forgotten)
    },
    onForgotten(forgotten) {
      const named = recalling(nameOf)
      listeners.add(meant => forgotten(key => isMeantBy(meant, named(key))))
    },
    close() {
      stop()
      doubtful.close()
    },
  }
}

/** Where gateways tell each other what is forgotten: its own voice a gateway does not hear. */
function openChannel(link: RedisLink) {
  const self = randomBytes(SELF_BYTES).toString('base64url')
  const listeners = new Set<(name: string) => void>()
  const tell = (name: string) => {
    for (const listener of listeners) listener(name)
  }
  const hear = (message: string) => {
    const [sender, name = EVERY] = message.split(' ')
    if (sender !== self) tell(name)
  }
  return {
    listeners,
    publish: (name: string) => link.publish(FORGOTTEN, `${self} ${name}`),
    stop: link.listen(FORGOTTEN, hear, () => tell(EVERY)),
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
