// Observations written down by hand, for tests of what is measured from them.

import type { ObservationColumns } from '../../scenarios/engine/load/messages.ts'
import { ObservationLog, type ObservationRow } from '../../scenarios/engine/load/observation-log.ts'

/** Rows of a read that was answered fresh after 20 ms, unless said otherwise; in the order given. */
export function observed(rows: Partial<ObservationRow>[]): ObservationColumns {
  const log = new ObservationLog()
  rows.forEach((row, index) => {
    const dueMs = row.dueMs ?? index * 5
    log.push({
      index,
      dueMs,
      sentMs: dueMs,
      endedMs: dueMs + 20,
      isRead: true,
      key: 1,
      status: 200,
      ending: 'ok',
      outcome: 'fresh',
      ageMs: Number.NaN,
      isCollapsed: false,
      ...row,
    })
  })
  return log.columns()
}

/** One read each 5 ms from `fromMs` to `toMs`, each like `row`. */
export function steady(
  fromMs: number,
  toMs: number,
  row: (dueMs: number) => Partial<ObservationRow> = () => ({}),
) {
  return Array.from({ length: (toMs - fromMs) / 5 }, (_, index) => {
    const dueMs = fromMs + index * 5
    return { dueMs, endedMs: dueMs + 20, ...row(dueMs) }
  })
}
