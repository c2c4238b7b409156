// What the gateway tells of itself. Metrics, the log and the admin's event stream all come from here.
import type { SettingChange } from '../config-change.ts'
import type { BreakerState } from '../guards/breaker.ts'
import type { GuardName, Tell } from '../guards/guard.ts'
import type { BreakerHold } from '../guards/held-breaker.ts'
import { createDurations, type Durations } from './durations.ts'

/** Who tells: a guard, the upstream, Redis, or the gateway's own front. */
export type EventSource = GuardName | 'upstream' | 'redis' | 'requests'

/** First event of the stream: who is speaking, and the settings that a reader needs. `at` is ms since the epoch. */
export interface HelloEvent {
  at: number
  pid: number
  version: string
  guards: readonly GuardName[]
  cache: string
  upstream: string
  deadlineMs: number
  freshMs: number
  staleIfErrorMs: number
  staleWhileRevalidateMs: number
  breakerState: BreakerState
}

/** A breaker changed its state; told at once. */
export interface BreakerEvent {
  at: number
  from: BreakerState
  to: BreakerState
  upstream: string
  /** How late the event loop was running: an opening beside a high lag is the gateway's own doing. */
  eventLoopLagMs: number
}

/** Told every 250 ms. Counts are cumulative since the start, by "<source>.<what>". */
export interface CountsEvent {
  at: number
  counts: Record<string, number>
  /** The longest in these 250 ms. */
  eventLoopLagMs: number
  rssMb: number
  heapMb: number
  upstreamInFlight: number
  /** The most in these 250 ms. */
  upstreamInFlightMax: number
  upstreamCalls: number
  requests: number
}

/** Settings were changed. */
export interface ConfigEvent {
  at: number
  changed: readonly SettingChange[]
}

/** Stored answers were thrown away. */
export interface PurgeEvent {
  at: number
  /** What of them: as it was asked for. */
  purged: object
}

/** The breaker is held in a state, or let go. */
export interface HoldEvent {
  at: number
  hold: BreakerHold
}

/** What is told at once, by the name that it has on the event stream. */
export interface Announcements {
  breaker: BreakerEvent
  config: ConfigEvent
  purge: PurgeEvent
  hold: HoldEvent
}

type Watcher = (name: keyof Announcements, event: object) => void

/** Collects the gateway's events. */
export interface Telemetry {
  /** The teller of one source; counting is all it does, for it is on the path of every request. */
  teller(source: EventSource): Tell
  readonly durations: Durations
  announce<Name extends keyof Announcements>(name: Name, event: Announcements[Name]): void
  /** Calls back on every announcement; returns the way to stop. */
  onAnnounced(watcher: Watcher): () => void
  counts(): Record<string, number>
}

export function createTelemetry(): Telemetry {
  const counters = new Map<string, { count: number }>()
  const watchers = new Set<Watcher>()
  return {
    teller(source) {
      const own = new Map<string, { count: number }>()
      return what => {
        let counter = own.get(what)
        if (counter === undefined) {
          counter = counters.get(`${source}.${what}`) ?? { count: 0 }
          own.set(what, counter)
          counters.set(`${source}.${what}`, counter)
        }
        counter.count += 1
      }
    },
    durations: createDurations(),
    announce(name, event) {
      for (const watcher of watchers) watcher(name, event)
    },
    onAnnounced(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    counts: () => Object.fromEntries([...counters].map(([name, { count }]) => [name, count])),
  }
}
