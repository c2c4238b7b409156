// Redis or Valkey, which may be slow, dead or deaf: nobody waits for it longer than a moment.

import { Redis } from 'iovalkey'
import { epochNow } from '../epoch-now.ts'
import type { Tell } from '../guards/guard.ts'
import { type CacheEntry, type CacheStore, usableUntil } from './store.ts'

const COMMAND_MS = 50
const RECONNECT_MOST_MS = 500
/** After so many failures in a row it is left alone for a while. */
const FAILURES = 3
const LEFT_ALONE_MS = 1_000

const CACHE_PREFIX = 'cache:'

/** A connection that fails fast, and after some failures at once. */
export interface RedisLink {
  ask<T>(command: (redis: Redis) => Promise<T>): Promise<T>
  close(): void
}

/**
 * Connects in the background; until then, and whenever it is away, every question fails at once.
 * Whoever has the same `keyPrefix` shares what is stored.
 * @param changed told when it answers, and when it does not
 */
export function connectRedis(
  { url, keyPrefix }: { url: string; keyPrefix: string },
  tell: Tell,
  changed: (isConnected: boolean) => void,
): RedisLink {
  const redis = new Redis(url, {
    keyPrefix,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: times => Math.min(times * 50, RECONNECT_MOST_MS),
  })
  let isWell: boolean | undefined
  const become = (now: boolean) => {
    if (isWell !== now) changed(now)
    isWell = now
  }
  redis.on('ready', () => become(true))
  redis.on('error', () => {
    tell('connection-failed')
    become(false)
  })
  let failures = 0
  let failedAt = Number.NEGATIVE_INFINITY
  let leftAloneUntil = 0

  /** Commands that fail together count once: a stall of our own event loop ends all that are under way. */
  function countFailure(): void {
    tell('failed')
    const now = performance.now()
    if (now - failedAt < COMMAND_MS) return
    failedAt = now
    failures += 1
    if (failures < FAILURES) return
    failures = 0
    leftAloneUntil = now + LEFT_ALONE_MS
    become(false)
  }

  return {
    async ask(command) {
      if (performance.now() < leftAloneUntil) throw new Error('Redis is left alone for a while')
      try {
        const answer = await command(redis)
        failures = 0
        become(true)
        return answer
      } catch (error) {
        countFailure()
        throw error
      }
    },
    close: () => redis.disconnect(),
  }
}

/** A store that several gateways share; Redis forgets an entry when nothing may use it any more. */
export function redisStore(link: RedisLink): CacheStore {
  return {
    async get(key) {
      try {
        const value = await link.ask(redis => redis.getBuffer(CACHE_PREFIX + key))
        return value === null ? undefined : decodeEntry(value)
      } catch {
        return undefined
      }
    },
    set(key, entry) {
      const ttlMs = Math.ceil(usableUntil(entry) - epochNow())
      if (ttlMs <= 0) return
      link.ask(redis => redis.set(CACHE_PREFIX + key, encodeEntry(entry), 'PX', ttlMs)).catch(() => {})
    },
    delete(key) {
      link.ask(redis => redis.del(CACHE_PREFIX + key)).catch(() => {})
    },
    close: () => {},
  }
}

const LENGTH_BYTES = 4

/** One value: length of the header block, the header block (lines), the body as it is. */
export function encodeEntry(entry: CacheEntry): Buffer {
  const { status, storedAt, initialAgeMs, freshUntil, staleIfErrorUntil, staleWhileRevalidateUntil } = entry
  const numbers = [status, storedAt, initialAgeMs, freshUntil, staleIfErrorUntil, staleWhileRevalidateUntil]
  // Neither a field name nor a value can hold a line feed.
  const block = Buffer.from(
    [numbers.join(' '), entry.varyOn.join(' '), ...entry.headers].join('\n'),
    'latin1',
  )
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(block.length)
  return Buffer.concat([length, block, entry.body])
}

/** The entry that was encoded, or undefined where the value is not one of ours. */
export function decodeEntry(value: Buffer): CacheEntry | undefined {
  if (value.length < LENGTH_BYTES) return undefined
  const end = LENGTH_BYTES + value.readUInt32BE()
  const [numbers = '', varyOn = '', ...headers] = value.toString('latin1', LENGTH_BYTES, end).split('\n')
  const [
    status = 0,
    storedAt = 0,
    initialAgeMs = 0,
    freshUntil = 0,
    staleIfErrorUntil = 0,
    staleWhileRevalidateUntil = Number.NaN,
  ] = numbers.split(' ').map(Number)
  if (end > value.length || headers.length % 2 !== 0 || Number.isNaN(staleWhileRevalidateUntil))
    return undefined
  return {
    status,
    storedAt,
    initialAgeMs,
    freshUntil,
    staleIfErrorUntil,
    staleWhileRevalidateUntil,
    varyOn: varyOn === '' ? [] : varyOn.split(' '),
    headers,
    body: value.subarray(end),
  }
}
