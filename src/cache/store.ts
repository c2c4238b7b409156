import type { Purge } from './purge.ts'

/** Whom an answer was made for, from few to all: a later one includes the earlier. */
export type Audience = 'anonymous' | 'labelled' | 'everyone'

/** The times of an answer that go by the gateway's rules; each true where the upstream did not name it. */
export interface ByRule {
  readonly isFresh: boolean
  readonly isStaleWhileRevalidate: boolean
  readonly isStaleIfError: boolean
}

/** A stored answer. Times are ms since the epoch, so that several gateways can share it. */
export interface CacheEntry {
  readonly status: number
  /** Flat and ready to be sent, but for the age. */
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly storedAt: number
  /** How old it already was when it came. */
  readonly initialAgeMs: number
  readonly freshUntil: number
  /** Which of its times the upstream left to the gateway's rules: when those get stricter, they end sooner. */
  readonly byRule: ByRule
  readonly staleWhileRevalidateUntil: number
  readonly staleIfErrorUntil: number
  /** The end of all other use while stale: the bound on what a client allows itself. */
  readonly staleUntil: number
  /** The end of any use, being confirmed by the upstream among them. */
  readonly keepUntil: number
  /**
   * `anonymous`: for requests without credentials, for the upstream did not say how long it holds.
   * `labelled`: for a Cookie and its like too. `everyone`: for an Authorization too.
   */
  readonly audience: Audience
  /** Not empty: not an answer itself, but the names of the fields that choose among the variants. */
  readonly varyOn: readonly string[]
  /** Of a list of variants: part of their keys. */
  readonly generation: string
  /** The rules that its times keep to, where that is known: not of what another gateway has stored. */
  readonly rules?: object
}

/** At once where that is possible. */
export type Lookup<T> = T | Promise<T>

/** How long stores may hold up a request, counted from its arrival, however often they are asked. */
export const STORE_WAIT_MS = 50

/** Where answers are kept. A store that fails has nothing: it never throws, never rejects, never waits long. */
export interface CacheStore {
  /** @param waitUntil on the clock of `performance.now()`: after this a store that is slow has nothing */
  get(key: string, waitUntil?: number): Lookup<CacheEntry | undefined>
  /** Kept at least until nothing of it may be used any more, unless room is short. */
  set(key: string, entry: CacheEntry): void
  /** What cannot be deleted yet is not found meanwhile. */
  delete(key: string): void
  /** Deletes everything. */
  empty(): void
  /**
   * Tells of what others have made doubtful, for as long as the store is open: an answer that was asked for before
   * is not to be kept.
   */
  onForgotten?(forgotten: (isMeant: (key: string) => boolean) => void): void
  /**
   * Deletes on somebody's order: unlike `delete` it says when it cannot.
   * @throws GatewayError
   */
  purge(purge: Purge): Promise<void>
  /** What is kept in this process. */
  held?(): { entries: number; bytes: number }
  close(): void
}
