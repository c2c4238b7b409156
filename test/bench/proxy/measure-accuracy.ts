// How well a latency toxic keeps to what was asked of it.
import { quantileSorted } from '../../../scenarios/engine/measure/statistics.ts'
import { against, type Row, spreadOf } from '../rounds.ts'
import { figure, rowCells, type Section, spreadText, target } from '../section.ts'
import type { Ask } from './processes.ts'
import { LATENCY_MS, type Subject } from './subjects.ts'

export const PER_SECOND = 200
const SECONDS = 2.5
const MOST_OVER_THE_TIMER_MS = 1.5

interface Delays {
  least: number
  p50: number
  p99: number
}

/** Round trips at a fixed rate through a latency toxic, and to a far end that waits as long by a bare timer. */
export async function measureAccuracy(
  ask: Ask,
  subjects: readonly Subject[],
  rounds: number,
): Promise<Section> {
  const rows = subjects
    .filter(({ toxic }) => toxic === 'latency')
    .map((subject): Row<Delays, Subject> => ({ subject, rounds: [], void: '' }))
  for (let round = 0; round < rounds; round++) {
    const ports = rows.map(({ subject }) => subject.ports.echo!)
    const results = await ask('paced', { ports, perSecond: PER_SECOND, seconds: SECONDS })
    results.forEach(({ times, problem }, at) => {
      rows[at]!.void ||= problem
      rows[at]!.rounds.push(delaysOf(times))
    })
  }
  return section(rows)
}

function delaysOf(times: Float64Array): Delays {
  const ascending = times.toSorted()
  const quantile = (q: number) => quantileSorted(ascending, q) ?? Number.NaN
  return { least: ascending[0] ?? Number.NaN, p50: quantile(0.5), p99: quantile(0.99) }
}

function section(rows: Row<Delays, Subject>[]): Section {
  const timer = rows.find(({ subject }) => subject.way === 'timer')
  const embedded = rows.find(({ subject }) => subject.way === 'embedded')
  const least = (row: Row<Delays, Subject>) => spreadOf(row.rounds.map(delays => delays.least)).least
  const over = (row: Row<Delays, Subject>) => against(row, timer, (delays, base) => delays.p99 - base.p99)
  const middle = (rounds: Delays[], key: keyof Delays) => spreadOf(rounds.map(delays => delays[key])).median
  const embeddedLeast = embedded?.void === '' ? least(embedded) : undefined
  const embeddedOver = embedded && over(embedded)
  return {
    title: `${LATENCY_MS} ms asked of a latency toxic, ${PER_SECOND} requests a second to each row at once, ms; rounds of ${PER_SECOND * SECONDS}`,
    head: ['row', 'least', 'p50', 'p99', 'p99 over the bare timer'],
    rows: rows.map(row =>
      rowCells(row, rounds => [
        figure(least(row), 2),
        figure(middle(rounds, 'p50'), 2),
        figure(middle(rounds, 'p99'), 2),
        spreadText(over(row), 2),
      ]),
    ),
    targets: [
      target(
        `the delay is never less than the ${LATENCY_MS} ms asked`,
        embeddedLeast,
        value => value >= LATENCY_MS,
        `least ${figure(embeddedLeast, 2)} ms`,
      ),
      target(
        `its p99 is at most ${MOST_OVER_THE_TIMER_MS} ms above a bare timer's`,
        embeddedOver?.median,
        value => value <= MOST_OVER_THE_TIMER_MS,
        `${spreadText(embeddedOver, 2)} ms above`,
      ),
    ],
  }
}
