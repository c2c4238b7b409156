/** What the cache nearest to the client said in Cache-Status. */
export interface CacheStatus {
  isHit: boolean
  isCollapsed: boolean
  /** Negative: it answered with something stale. Null where it did not say. */
  ttlSeconds: number | null
}

// Quoted strings may hold the separators, so a value is cut around them.
const PARTS = /;\s*([a-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^;,\s]*))?|,/g

/**
 * Reads a Cache-Status field (RFC 9211, a list of RFC 8941 items). Each cache on the way adds its own entry at the
 * end, so the last one is the nearest.
 */
export function parseCacheStatus(field: string): CacheStatus {
  let status: CacheStatus = { isHit: false, isCollapsed: false, ttlSeconds: null }
  for (const [part, name, value] of field.matchAll(PARTS)) {
    if (part === ',') status = { isHit: false, isCollapsed: false, ttlSeconds: null }
    else if (name === 'hit') status.isHit = value !== '?0'
    else if (name === 'collapsed') status.isCollapsed = value !== '?0'
    else if (name === 'ttl' && Number.isFinite(Number(value))) status.ttlSeconds = Number(value)
  }
  return status
}
