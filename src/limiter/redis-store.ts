import { createHash } from 'node:crypto'
import type { RedisLink } from '../cache/redis.ts'
import type { Leak } from './gcra.ts'
import type { Count, PluginStore } from './plugin-store.ts'

const PREFIX = 'rate:'

/**
 * The arithmetic of gcra.ts, by the clock of Redis, which all gateways share.
 * A key lives until its bucket is empty: an empty one is none.
 */
const SCRIPT = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local interval, burst, rounding = tonumber(ARGV[1]), tonumber(ARGV[2]), 0.001
local emptyAt = tonumber(redis.call('GET', KEYS[1]) or '') or now
local held = math.max(0, (emptyAt - now) / interval)
local level = math.min(burst, held)
local remaining, current = 0, burst + 1
local isAdmitted = level + 1 <= burst + rounding
if isAdmitted then
  level = level + 1
  remaining = math.floor(burst - level + rounding)
  current = burst - remaining
end
if isAdmitted or held > burst then
  local heldMs = level * interval
  redis.call('SET', KEYS[1], string.format('%.3f', now + heldMs), 'PX', math.max(1, math.ceil(heldMs)))
end
return { current, math.ceil(math.max(0, level + remaining + 1 - burst) * interval) }`
const DIGEST = createHash('sha1').update(SCRIPT).digest('hex')

/** A store that gateways share. */
export interface SharedStore extends PluginStore {
  /** How long the next question may take, on the clock of `performance.now()`: the plugin hands on nothing but a key. */
  waitUntil: number
}

/** A store for @fastify/rate-limit. Its own asks Redis without a limit; this one fails fast. */
export function redisStore(link: RedisLink, route: string, leak: Leak): SharedStore {
  const store: SharedStore = {
    waitUntil: Number.POSITIVE_INFINITY,
    incr(key, callback) {
      const counted = countInRedis(link, `${PREFIX}${route}:${key}`, leak, store.waitUntil)
      counted.then(count => callback(null, count), callback)
    },
  }
  return store
}

async function countInRedis(
  link: RedisLink,
  key: string,
  { intervalMs, burst }: Leak,
  waitUntil: number,
): Promise<Count> {
  const reply = await link.ask(
    redis =>
      // By its digest, so that the script travels once; after a restart Redis has to be told it again.
      redis.evalsha(DIGEST, 1, key, intervalMs, burst).catch(error => {
        if (!String(error).includes('NOSCRIPT')) throw error
        return redis.eval(SCRIPT, 1, key, intervalMs, burst)
      }),
    waitUntil,
  )
  const [current, ttl] = reply as [number, number]
  return { current, ttl }
}
