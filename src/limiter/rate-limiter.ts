// The door to @fastify/rate-limit: it tells clients apart by their addresses; stores and arithmetic are ours.
import rateLimitPlugin, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RedisLink } from '../cache/redis.ts'
import type { RateCheck, RateLimitOptions, RateVerdict } from '../guards/rate-limit.ts'
import { ROUTES, type Route } from '../guards/request.ts'
import { withoutPort } from '../trusted-proxies.ts'
import type { Leak } from './gcra.ts'
import { type MemoryStore, memoryBuckets, memoryStore } from './memory-store.ts'
import type { PluginStore } from './plugin-store.ts'
import { redisStore, type SharedStore } from './redis-store.ts'
import { remember } from './remember.ts'

/** Counts what clients ask; the counts outlive the settings by which they are judged. */
export interface RateLimiter {
  /** The check under these settings, over the counts that there are. */
  checkUnder(options: RateLimitOptions): RateCheck
  /** By what a client is known, of its address. */
  nameOf(address: string): string
}

type Limit = ReturnType<FastifyInstance['createRateLimit']>

/**
 * Each client has a bucket for each route. It is in Redis where there is one; in this process where there is none,
 * or it does not answer.
 */
export async function createRateLimiter(app: FastifyInstance, redis?: RedisLink): Promise<RateLimiter> {
  const createLimit = await registerPlugin(app)
  const nameOf = clientNames()
  const buckets = byRoute(memoryBuckets)
  return {
    nameOf,
    checkUnder({ rateLimitMax, rateLimitWindowMs, rateLimitBurst }) {
      const leak = { intervalMs: rateLimitWindowMs / rateLimitMax, burst: rateLimitBurst }
      const near = byRoute(route => {
        const store = memoryStore(buckets[route], leak)
        return nearCheck(createLimit(leak, store), store)
      })
      if (redis === undefined) return (client, route) => near[route](nameOf(client))
      const far = byRoute(route => {
        const store = redisStore(redis, route, leak)
        return farCheck(createLimit(leak, store), store)
      })
      return (client, route, waitUntil) => {
        const name = nameOf(client)
        return far[route](name, waitUntil).catch(() => near[route](name))
      }
    },
  }
}

/** Registered once, before the app is ready; each limiter made later brings the store that it asks. */
async function registerPlugin(app: FastifyInstance) {
  const shared = class {
    child({ store }: { store: PluginStore }): PluginStore {
      return store
    }
  }
  let scope = app
  await app.register(async child => {
    scope = child
    await child.register(rateLimitPlugin, { global: false, store: shared as never })
  })
  return ({ burst }: Leak, store: PluginStore): Limit =>
    scope.createRateLimit({ max: burst, store: store as never })
}

/** All that the plugin looks at of a request; Fastify's own would make anew what it holds of its route. */
function askedBy(name: string): FastifyRequest {
  return { ip: name, routeOptions: NO_ROUTE } as FastifyRequest
}
const NO_ROUTE = {}

function nearCheck(limit: Limit, store: MemoryStore) {
  return (name: string): RateVerdict => {
    limit(askedBy(name))
    return store.take()
  }
}

/** As above, the plugin asks its store at once. */
function farCheck(limit: Limit, store: SharedStore) {
  return async (name: string, waitUntil: number): Promise<RateVerdict> => {
    store.waitUntil = waitUntil
    const found = await limit(askedBy(name))
    // `isAllowed` would mean: on the allow list. There is none.
    if (found.isAllowed) throw new TypeError('no client is on an allow list')
    return { isExceeded: found.isExceeded, remaining: found.remaining, waitMs: found.ttl }
  }
}

const NAMES = 10_000

/**
 * The name of a client: its address, whatever port a proxy adds to it; of IPv6 the network that one client has, a /64.
 * The plugin would work that out anew for each request, at ten times the cost of all else; what is no address, as its
 * first letter tells, it leaves as it is.
 */
function clientNames(): (address: string) => string {
  return remember(NAMES, address => {
    const plain = normalizeIP(withoutPort(address))
    return plain.includes(':') ? `@${plain}/64` : `@${plain}`
  })
}

function byRoute<T>(make: (route: Route) => T): Record<Route, T> {
  return Object.fromEntries(ROUTES.map(route => [route, make(route)])) as Record<Route, T>
}
