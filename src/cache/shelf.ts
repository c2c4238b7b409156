// What of answers can be found again: by path, then by the fields that `Vary` names.

import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { epochAt } from '../epoch-now.ts'
import type { GatewayResponse } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import { TransientMap } from '../transient-map.ts'
import { entriesUnder } from './in-force.ts'
import { keysOfPath, variantKey } from './keys.ts'
import { type CacheEntry, type CacheStore, type Lookup, STORE_WAIT_MS } from './store.ts'
import { type Arrival, type CacheRules, entryOf } from './storing.ts'
import { varyOf } from './vary.ts'

/** Where the answer to a request is, or would be. */
export interface Place {
  readonly base: string
  /** The list of the fields that choose among variants, where this path has variants. */
  readonly variants: CacheEntry | undefined
  readonly entry: CacheEntry | undefined
}

/** A call to the upstream as the shelf sees it: what a write overtakes meanwhile is not kept. */
export interface Call {
  /** Of what is stored where the answer belongs. */
  readonly key: string
  /**
   * Keeps what may be kept, once however many requests share it.
   * @param whole the answer to be kept where it is not the upstream's own: a stored one that it has confirmed
   */
  keep(response: GatewayResponse, whole?: GatewayResponse): CacheEntry | undefined
  /** Every call has to be ended. */
  end(): void
}

export interface Shelf {
  find(request: GatewayRequest): Lookup<Place>
  begin(place: Place, request: GatewayRequest): Call
  /** Forgets everything that is made out of this path of the upstream. */
  forget(path: string, origin?: string): void
}

/** The calls under way, by what is made out of their answers. They outlive the shelf that began them. */
export type UnderWay = TransientMap<Calls>

/** The calls for one path that are under way. */
interface Calls {
  count: number
  isOvertaken: boolean
  /** The list of variants that one of them has just stored: the others add to it. */
  variants: CacheEntry | undefined
  /** The answer that was stored last, and as what: those who wait for the same call bring the same. */
  last: { response: GatewayResponse; key: string; entry: CacheEntry } | undefined
}

const NOTHING = Buffer.alloc(0)

/** Answers that are still on their way are not kept, where they are among these. */
export function overtake(underWay: UnderWay, isMeant: (key: string) => boolean): void {
  for (const [base, calls] of underWay) {
    if (!isMeant(base)) continue
    calls.isOvertaken = true
    underWay.delete(base)
  }
}

export function createShelf(
  store: CacheStore,
  rules: CacheRules,
  underWay: UnderWay = new TransientMap(),
): Shelf {
  const inForce = entriesUnder(rules)
  const place = (base: string, variants: CacheEntry | undefined, entry: CacheEntry | undefined): Place => ({
    base,
    variants,
    entry: entry && inForce(entry),
  })

  function placeOf(base: string, found: CacheEntry | undefined, request: GatewayRequest): Lookup<Place> {
    if (found === undefined || found.varyOn.length === 0) return place(base, undefined, found)
    const entry = store.get(variantKey(base, found, request), latestOf(request))
    if (entry instanceof Promise) return entry.then(entry => place(base, found, entry))
    return place(base, found, entry)
  }

  function put(
    place: Place,
    calls: Calls,
    request: GatewayRequest,
    entry: CacheEntry,
    varyOn: string[],
  ): void {
    if (varyOn.length === 0) {
      store.set(place.base, entry)
      return
    }
    calls.variants = listOf(entry, varyOn, calls.variants ?? place.variants)
    store.set(place.base, calls.variants)
    store.set(variantKey(place.base, calls.variants, request), entry)
  }

  return {
    find(request) {
      const base = request.place
      const found = store.get(base, latestOf(request))
      if (found instanceof Promise) return found.then(entry => placeOf(base, entry, request))
      return placeOf(base, found, request)
    },
    begin(place, request) {
      const calls = underWay.get(place.base) ?? newCalls()
      underWay.set(place.base, calls)
      calls.count += 1
      const key = keyOf(place, request)
      return {
        key,
        keep(response, whole = response) {
          if (calls.last?.response === response && calls.last.key === key) return calls.last.entry
          if (calls.isOvertaken || response.isHurried) return undefined
          const entry = entryOf(request, whole, rules, () => arrivalOf(request))
          if (entry !== undefined) {
            calls.last = { response, key, entry }
            put(place, calls, request, entry, varyOf(whole.headers))
          } else if (replaces(request, whole, place)) store.delete(key)
          return entry
        },
        end() {
          calls.count -= 1
          if (calls.count === 0 && underWay.get(place.base) === calls) underWay.delete(place.base)
        },
      }
    },
    forget(path, origin) {
      for (const base of keysOfPath(path, origin)) {
        const calls = underWay.get(base)
        if (calls !== undefined) calls.isOvertaken = true
        underWay.delete(base)
        store.delete(base)
      }
    },
  }
}

/** Nobody waits for a store past a deadline. */
function latestOf({ arrivedAt, deadlineAt }: GatewayRequest): number {
  return Math.min(arrivedAt + STORE_WAIT_MS, deadlineAt)
}

function arrivalOf({ arrivedAt }: GatewayRequest): Arrival {
  const now = performance.now()
  return { at: epochAt(now), wallClockAt: Date.now(), waitedMs: now - arrivedAt }
}

function newCalls(): Calls {
  return { count: 0, isOvertaken: false, variants: undefined, last: undefined }
}

/** The list of variants at a path, as far as the one before goes on: then what it led to is found as well. */
function listOf(entry: CacheEntry, varyOn: readonly string[], before: CacheEntry | undefined): CacheEntry {
  const goesOn = before?.varyOn.join() === varyOn.join()
  return {
    ...entry,
    headers: [],
    body: NOTHING,
    varyOn,
    generation: goesOn ? before.generation : randomBytes(9).toString('base64url'),
    freshUntil: goesOn ? Math.max(before.freshUntil, entry.freshUntil) : entry.freshUntil,
    keepUntil: goesOn ? Math.max(before.keepUntil, entry.keepUntil) : entry.keepUntil,
  }
}

/** The key under which the answer at a place is stored. */
export function keyOf({ base, variants }: Place, request: GatewayRequest): string {
  return variants === undefined ? base : variantKey(base, variants, request)
}

/** By these an upstream takes back what it has let the same clients have. */
const TAKEN_BACK = new Set([401, 403, 451])

/**
 * An answer that may not be kept says that the one kept so far no longer is the answer; of one client, where the one kept
 * is for that client alone: what one may not have, others may.
 */
function replaces(
  { parts, terms }: GatewayRequest,
  { status }: GatewayResponse,
  { entry, variants }: Place,
): boolean {
  if (entry === undefined || parts.method !== 'GET' || terms.range !== undefined) return false
  if (status >= 300 && !TAKEN_BACK.has(status)) return false
  const { hasAuthorization, credentials } = terms
  const varyOn = variants?.varyOn ?? []
  return (
    credentials.every(name => varyOn.includes(name)) &&
    (!hasAuthorization || varyOn.includes('authorization'))
  )
}
