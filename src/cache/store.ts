/** A stored answer. Times are ms since the epoch, so that several gateways can share it. */
export interface CacheEntry {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly storedAt: number
  /** How old it already was when it came. */
  readonly initialAgeMs: number
  readonly freshUntil: number
  readonly staleIfErrorUntil: number
  readonly staleWhileRevalidateUntil: number
  /** Not empty: not an answer itself, but the names of the fields that choose among the variants. */
  readonly varyOn: readonly string[]
}

/** Where answers are kept. A store that fails has nothing: it never throws, never rejects, never waits long. */
export interface CacheStore {
  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined>
  /** Kept at least until nothing of it may be used any more, unless room is short. */
  set(key: string, entry: CacheEntry): void
  delete(key: string): void
  /** What is kept in this process. */
  held?(): { entries: number; bytes: number }
  close(): void
}

/** After this moment nothing may use the entry. */
export function usableUntil(entry: CacheEntry): number {
  return Math.max(entry.freshUntil, entry.staleIfErrorUntil, entry.staleWhileRevalidateUntil)
}
