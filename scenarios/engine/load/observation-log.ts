import { OUTCOMES, type Outcome } from '../../report/report.ts'
import { ENDINGS, type Ending, type ObservationColumns } from './messages.ts'

/** One settled request, as a row. Fields as in ObservationColumns. */
export interface ObservationRow {
  index: number
  dueMs: number
  sentMs: number
  endedMs: number
  isRead: boolean
  key: number
  status: number
  ending: Ending
  outcome: Outcome
  ageMs: number
  isCollapsed: boolean
}

const INITIAL_CAPACITY = 1_024

function emptyColumns(capacity: number): ObservationColumns {
  return {
    index: new Uint32Array(capacity),
    dueMs: new Float64Array(capacity),
    sentMs: new Float64Array(capacity),
    endedMs: new Float64Array(capacity),
    isRead: new Uint8Array(capacity),
    key: new Uint32Array(capacity),
    status: new Uint16Array(capacity),
    ending: new Uint8Array(capacity),
    outcome: new Uint8Array(capacity),
    ageMs: new Float64Array(capacity),
    isCollapsed: new Uint8Array(capacity),
  }
}

const NAMES = Object.keys(emptyColumns(0)) as (keyof ObservationColumns)[]

/** Observations of one arm in columns that grow: about 50 bytes each. */
export class ObservationLog {
  #columns = emptyColumns(INITIAL_CAPACITY)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Adds one row. */
  push(row: ObservationRow): void {
    this.#makeRoom(1)
    const at = this.#count++
    const columns = this.#columns
    columns.index[at] = row.index
    columns.dueMs[at] = row.dueMs
    columns.sentMs[at] = row.sentMs
    columns.endedMs[at] = row.endedMs
    columns.isRead[at] = row.isRead ? 1 : 0
    columns.key[at] = row.key
    columns.status[at] = row.status
    columns.ending[at] = ENDINGS.indexOf(row.ending)
    columns.outcome[at] = OUTCOMES.indexOf(row.outcome)
    columns.ageMs[at] = row.ageMs
    columns.isCollapsed[at] = row.isCollapsed ? 1 : 0
  }

  /** Adds rows that came over the wire. */
  append(rows: ObservationColumns): void {
    this.#makeRoom(rows.index.length)
    for (const name of NAMES) this.#columns[name].set(rows[name], this.#count)
    this.#count += rows.index.length
  }

  /** A copy of every row, cut to size. */
  columns(): ObservationColumns {
    const copy = emptyColumns(this.#count)
    for (const name of NAMES) copy[name].set(this.#columns[name].subarray(0, this.#count))
    return copy
  }

  /** Hands over every row and forgets them. */
  take(): ObservationColumns {
    const rows = this.columns()
    this.#count = 0
    return rows
  }

  #makeRoom(rows: number): void {
    const needed = this.#count + rows
    const capacity = this.#columns.index.length
    if (needed <= capacity) return
    const wider = emptyColumns(Math.max(needed, capacity * 2))
    for (const name of NAMES) wider[name].set(this.#columns[name])
    this.#columns = wider
  }
}

/** Observations in the order in which they were due, whatever the order in which they settled. */
export function sortedByDue(rows: ObservationColumns): ObservationColumns {
  const order = Uint32Array.from(rows.index.keys()).sort((a, b) => rows.index[a]! - rows.index[b]!)
  const sorted = emptyColumns(order.length)
  for (const name of NAMES) {
    for (let at = 0; at < order.length; at++) sorted[name][at] = rows[name][order[at]!]!
  }
  return sorted
}
