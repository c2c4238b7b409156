// What was stored under other rules, be it before they were changed or by another gateway.
import type { CacheEntry } from './store.ts'
import type { CacheRules } from './storing.ts'

/** Reads entries as the rules in force have them: stricter ones bind what is stored already, looser ones do not. */
export function entriesUnder(rules: CacheRules): (entry: CacheEntry) => CacheEntry {
  const bound = new WeakMap<CacheEntry, CacheEntry>()
  return entry => {
    if (entry.rules === rules) return entry
    const known = bound.get(entry)
    if (known !== undefined) return known
    const now = boundBy(rules, entry)
    bound.set(entry, now)
    return now
  }
}

function boundBy(rules: CacheRules, entry: CacheEntry): CacheEntry {
  const { byRule, storedAt, initialAgeMs } = entry
  const most = (isByRule: boolean, ms: number) => (isByRule ? ms : Number.POSITIVE_INFINITY)
  const freshMs = most(byRule.isFresh, rules.cacheFreshMs)
  const freshUntil = Math.min(entry.freshUntil, storedAt + freshMs - initialAgeMs)
  const stale = (until: number, ms = Number.POSITIVE_INFINITY) =>
    Math.min(until, freshUntil + Math.min(ms, rules.cacheStaleMaxMs))
  return {
    ...entry,
    freshUntil,
    staleWhileRevalidateUntil: stale(
      entry.staleWhileRevalidateUntil,
      most(byRule.isStaleWhileRevalidate, rules.cacheStaleWhileRevalidateMs),
    ),
    staleIfErrorUntil: stale(entry.staleIfErrorUntil, most(byRule.isStaleIfError, rules.cacheStaleIfErrorMs)),
    staleUntil: stale(entry.staleUntil),
    rules,
  }
}
