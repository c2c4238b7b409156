import { bypassReason, type CachePolicy, cacheKey, storageOf, variantKey, varyOf } from '../cache/policy.ts'
import type { CacheEntry, CacheStore } from '../cache/store.ts'
import { epochNow } from '../epoch-now.ts'
import { allowsStale, asGatewayError, isFaultStatus } from '../errors.ts'
import { headerOf, without } from '../headers.ts'
import { discard, GatewayRequest, type GatewayResponse, type Guard, type Next, type Tell } from './guard.ts'

export interface CacheOptions extends CachePolicy {
  /** How long a refresh in the background may take. */
  deadlineMs: number
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const AGE = new Set(['age'])

/**
 * Answers what is known; when the upstream fails, what was known, inside its bound.
 * What it did is told in the request's trace.
 */
export function cache(store: CacheStore, options: CacheOptions, tell: Tell): Guard {
  const shelf = createShelf(store, options, tell)
  const refresh = createRefresh(shelf, options, tell)

  return async (request, next) => {
    const bypass = bypassReason(request)
    if (bypass !== undefined) {
      request.trace.forwarded = bypass
      tell('bypass')
      const response = await next(request)
      if (!SAFE.has(request.parts.method) && response.status < 400) shelf.forget(request)
      return response
    }
    const known = await shelf.find(request)
    const now = epochNow()
    if (known !== undefined && now < known.freshUntil) {
      tell('hit')
      return answer(request, known)
    }
    if (known !== undefined && now < known.staleWhileRevalidateUntil) {
      tell('stale-while-revalidate')
      refresh(request, next)
      return answer(request, known)
    }
    tell('miss')
    request.trace.forwarded = known === undefined ? 'uri-miss' : 'stale'
    try {
      const response = await next(request)
      if (!isFaultStatus(response.status) || !mayStandIn(known)) {
        shelf.keep(request, response)
        return response
      }
      discard(response)
      request.trace.detail = `upstream-${response.status}`
    } catch (error) {
      if (!allowsStale(error) || !mayStandIn(known)) throw error
      request.trace.detail = asGatewayError(error).code
    }
    tell('stale-if-error')
    return answer(request, known)
  }
}

/** Checked when the answer is needed, not when the upstream was asked: the bound is the client's. */
function mayStandIn(known: CacheEntry | undefined): known is CacheEntry {
  return known !== undefined && epochNow() < known.staleIfErrorUntil
}

/** What of answers can be found again: by path, then by the fields that `Vary` names. */
function createShelf(store: CacheStore, policy: CachePolicy, tell: Tell) {
  return {
    async find(request: GatewayRequest): Promise<CacheEntry | undefined> {
      const base = cacheKey(request)
      const found = store.get(base)
      const entry = found instanceof Promise ? await found : found
      if (entry === undefined || entry.varyOn.length === 0) return entry
      return store.get(variantKey(base, entry.varyOn, request))
    },
    keep(request: GatewayRequest, response: GatewayResponse): void {
      const storage = storageOf(request, response, policy, epochNow())
      if (storage === undefined || !Buffer.isBuffer(response.body)) return
      const base = cacheKey(request)
      const varyOn = varyOf(response.headers)
      const entry = { ...storage, headers: without(response.headers, AGE), body: response.body, varyOn: [] }
      if (varyOn.length > 0) store.set(base, { ...entry, headers: [], body: Buffer.alloc(0), varyOn })
      store.set(variantKey(base, varyOn, request), entry)
      request.trace.isStored = true
      tell('stored')
    },
    forget: (request: GatewayRequest) => store.delete(cacheKey(request)),
  }
}

/** Fetches a fresh answer that nobody waits for, under a deadline of its own, one at a time for each path. */
function createRefresh(shelf: ReturnType<typeof createShelf>, { deadlineMs }: CacheOptions, tell: Tell) {
  const refreshing = new Set<string>()
  return (request: GatewayRequest, next: Next): void => {
    const key = cacheKey(request)
    if (refreshing.has(key) || request.parts.method !== 'GET') return
    refreshing.add(key)
    tell('refreshed')
    const now = performance.now()
    const background = new GatewayRequest(request.parts, now, now + deadlineMs)
    next(background)
      .then(
        response => {
          shelf.keep(background, response)
          discard(response)
        },
        () => tell('refresh-failed'),
      )
      .finally(() => refreshing.delete(key))
  }
}

/** A stored answer, with its age; 304 to a client that has it already. */
function answer(request: GatewayRequest, entry: CacheEntry): GatewayResponse {
  const now = epochNow()
  const ageSeconds = Math.max(0, Math.floor((now - entry.storedAt + entry.initialAgeMs) / 1000))
  request.trace.forwarded = undefined
  request.trace.hitTtlSeconds = Math.floor((entry.freshUntil - now) / 1000)
  const headers = entry.headers.concat('Age', String(ageSeconds))
  if (!isKnownToClient(request, entry)) return { status: entry.status, headers, body: entry.body }
  return { status: 304, headers: without(headers, CONTENT), body: Buffer.alloc(0) }
}

const CONTENT = new Set(['content-length', 'content-type', 'content-encoding', 'content-range'])

function isKnownToClient(request: GatewayRequest, entry: CacheEntry): boolean {
  const known = request.header('if-none-match')
  if (known === undefined || entry.status !== 200) return false
  const etag = headerOf(entry.headers, 'etag')
  const opaque = (tag: string) => tag.trim().replace(/^W\//i, '')
  return (
    known.trim() === '*' || (etag !== undefined && known.split(',').some(tag => opaque(tag) === opaque(etag)))
  )
}
