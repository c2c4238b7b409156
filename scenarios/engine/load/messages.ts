// What the load generator and the runner say to each other over IPC (serialization "advanced": columns travel as they are).
import type { Percentiles } from '../../report/report.ts'
import type { ScheduleSettings } from './schedule.ts'

/** How an exchange ended on the wire; a column holds the place in this list. */
export const ENDINGS = ['ok', 'refused', 'reset', 'closed', 'timeout', 'dropped'] as const
export type Ending = (typeof ENDINGS)[number]

/** Whom to ask. `{key}` in a path stands for the key of the arrival. */
export interface LoadArm {
  name: string
  /** `http://127.0.0.1:3000`, without a path. */
  baseUrl: string
  readPath: string
  writePath: string
}

/** Everything a load run is made of. Every arm gets every arrival at the same moment. */
export interface LoadPlan {
  seed: number
  arms: LoadArm[]
  schedule: ScheduleSettings
  /** Counted from the moment a request was due; past it the request is aborted. */
  clientDeadlineMs: number
  /** An answer older than this, and a tolerance, is stale. */
  freshMs: number
  /** The upstream stamps its answers with checksum, version and key. */
  isStamped: boolean
  /** Zero of all times of the run. A moment already past means now; `started` says which it was. */
  startAtEpochMs: number
  /** Requests in flight per arm beyond which arrivals are dropped; `defaultInFlightCap` unless given. */
  inFlightCap?: number
}

/**
 * One row an observation, in the order in which they settled. Times are milliseconds since the start of the load.
 * Latency is endedMs - dueMs, service time endedMs - sentMs, lag sentMs - dueMs.
 */
export interface ObservationColumns {
  /** Place in the schedule: the same arrival has the same index in every arm. */
  index: Uint32Array
  dueMs: Float64Array
  /** NaN if it was dropped. */
  sentMs: Float64Array
  endedMs: Float64Array
  /** 1 or 0. */
  isRead: Uint8Array
  key: Uint32Array
  /** 0 where no status line came. */
  status: Uint16Array
  /** Place in ENDINGS. */
  ending: Uint8Array
  /** Place in the report's OUTCOMES. */
  outcome: Uint8Array
  /** Age of the answer, NaN where nobody said. */
  ageMs: Float64Array
  /** 1 where Cache-Status says that the answer was another request's too. */
  isCollapsed: Uint8Array
}

/** What the generator says about itself. Counts are over all arms. */
export interface LoadInstrument {
  /** Inside its gate: lag p50 ≤ 2 ms, p99 ≤ 10 ms, nothing dropped. */
  isValid: boolean
  /** Arrivals that came due; under a stop, those that came due before it. Always sent + dropped. */
  scheduled: number
  sent: number
  dropped: number
  lagMs: Percentiles
  /** HdrHistogram of the lag in microseconds, compressed V2, base64. */
  lagHistogram: string
  /** Share of one core that this process used from start to done. */
  cpuShare: number
  /** Keys that no read of the warm-up asked for. */
  unaskedKeys: number
  /** When it was told to stop before its end, or null. */
  stoppedAtMs: number | null
}

export type ToLoad = { type: 'start'; plan: LoadPlan } | { type: 'stop' }

export type FromLoad =
  | { type: 'started'; startedAtEpochMs: number }
  | { type: 'observations'; arms: { name: string; rows: ObservationColumns }[] }
  | { type: 'done'; instrument: LoadInstrument }
