// Redis or Valkey, which may be slow, dead or deaf: nobody waits for it longer than a moment.

import { performance } from 'node:perf_hooks'
import { Redis } from 'iovalkey'
import type { Tell } from '../guards/guard.ts'
import { limitAt } from '../limit.ts'

const COMMAND_MS = 50
const RECONNECT_MOST_MS = 500
/** Nobody waits for the answer to "subscribe". */
const LISTEN_MS = 10_000
/** After so many failures in a row it is left alone for a while. */
const FAILURES = 3
const LEFT_ALONE_MS = 1_000

/** Keys that Redis looks at in one go, which takes it less than a millisecond. */
const SCANNED = 500

/** A connection that fails fast, and after some failures at once. */
export interface RedisLink {
  /** @param waitUntil on the clock of `performance.now()`: nobody waits longer, be Redis well or not */
  ask<T>(command: (redis: Redis) => Promise<T>, waitUntil?: number): Promise<T>
  /**
   * Deletes every key that matches, some at a time.
   * @param pattern as SCAN takes it
   */
  deleteAll(pattern: string): Promise<void>
  /** Tells others who listen on a channel of this name. */
  publish(channel: string, message: string): void
  /**
   * Hears what is published there, over a connection of its own, whenever Redis can be reached.
   * @param begun told whenever it begins to hear: what was published before, it may have missed
   * @returns the way to stop listening
   */
  listen(channel: string, heard: (message: string) => void, begun: () => void): () => void
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

  async function ask<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
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
  }

  const connections = new Set([redis])
  return {
    ask(command, waitUntil = Number.POSITIVE_INFINITY) {
      if (performance.now() < waitUntil) return within(waitUntil, ask(command))
      return Promise.reject(new Error('the time for asking Redis is up'))
    },
    deleteAll: pattern => deleteAll(ask, keyPrefix, pattern),
    publish: (channel, message) =>
      void ask(redis => redis.publish(keyPrefix + channel, message)).catch(() => {}),
    listen: (channel, heard, begun) => listenOn(redis, connections, keyPrefix + channel, { heard, begun }),
    close: () => {
      for (const connection of connections) connection.disconnect()
      connections.clear()
    },
  }
}

interface ChannelListener {
  heard(message: string): void
  begun(): void
}

function listenOn(
  redis: Redis,
  connections: Set<Redis>,
  channel: string,
  { heard, begun }: ChannelListener,
): () => void {
  const listener = redis.duplicate({ autoResubscribe: false, commandTimeout: LISTEN_MS })
  connections.add(listener)
  let retry: NodeJS.Timeout | undefined
  const subscribe = () => {
    clearTimeout(retry)
    listener.subscribe(channel).then(begun, () => {
      if (connections.has(listener)) retry = setTimeout(subscribe, RECONNECT_MOST_MS).unref()
    })
  }
  listener.on('error', () => {})
  listener.on('ready', subscribe)
  listener.on('message', (_channel, message) => heard(message))
  return () => {
    connections.delete(listener)
    clearTimeout(retry)
    listener.disconnect()
  }
}

async function deleteAll(ask: RedisLink['ask'], keyPrefix: string, pattern: string): Promise<void> {
  let cursor = '0'
  do {
    const [next, keys] = await ask(redis =>
      redis.scan(cursor, 'MATCH', literal(keyPrefix) + pattern, 'COUNT', SCANNED),
    )
    cursor = next
    // SCAN knows nothing of the prefix that the client puts before every other key.
    const own = keys.map(key => key.slice(keyPrefix.length))
    if (own.length > 0) await ask(redis => redis.unlink(own))
  } while (cursor !== '0')
}

/** Text as a pattern that matches it alone. */
function literal(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, '\\$&')
}

/** The answer, if it comes in time. One that comes late is well all the same: only who waited is let go. */
function within<T>(waitUntil: number, answer: Promise<T>): Promise<T> {
  if (waitUntil === Number.POSITIVE_INFINITY) return answer
  return new Promise((resolve, reject) => {
    const limit = limitAt(waitUntil, () => reject(new Error('Redis did not answer in time')))
    answer.then(resolve, reject).finally(() => limit.callOff())
  })
}
