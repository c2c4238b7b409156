// May this stored answer be used for this request, now, and how? A few comparisons: the rest was decided on storing.
import { ageOf } from './answer.ts'
import type { CacheEntry } from './store.ts'
import { type CacheTerms, PLAIN } from './terms.ts'

/** May this client, who says who it is, have the answer? Among variants it may where those are told apart by that. */
export function isFor(
  { audience }: CacheEntry,
  { hasAuthorization, credentials }: CacheTerms,
  varyOn: readonly string[] = [],
): boolean {
  if (audience === 'everyone') return true
  if (hasAuthorization) return false
  return audience === 'labelled' || credentials.every(name => varyOn.includes(name))
}

/** How a stored answer may be used without asking the upstream first; undefined where it may not. */
export function useOf(
  entry: CacheEntry,
  terms: CacheTerms,
  now: number,
): 'hit' | 'stale-while-revalidate' | undefined {
  const isFresh = now < entry.freshUntil
  if (isFresh && terms === PLAIN) return 'hit'
  if (terms.mustValidate || ageOf(entry, now) > terms.maxAgeMs) return undefined
  if (isFresh) return entry.freshUntil - now >= terms.minFreshMs ? 'hit' : undefined
  if (now < Math.min(entry.freshUntil + terms.maxStaleMs, entry.staleUntil)) return 'hit'
  const isRefreshable = now < entry.staleWhileRevalidateUntil && terms.minFreshMs === 0
  return isRefreshable && mayBeRefreshedFor(entry, terms) ? 'stale-while-revalidate' : undefined
}

/** What is fetched for a client with credentials is kept only where it is for everyone. */
function mayBeRefreshedFor({ audience }: CacheEntry, { hasAuthorization, credentials }: CacheTerms): boolean {
  return audience === 'everyone' || (!hasAuthorization && credentials.length === 0)
}

/** May it stand in for an upstream that fails? Asked when it is needed: the bound is the client's. */
export function mayStandIn(entry: CacheEntry | undefined, now: number): entry is CacheEntry {
  return entry !== undefined && now < entry.staleIfErrorUntil
}
