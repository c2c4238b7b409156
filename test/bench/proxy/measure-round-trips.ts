// What a subject adds to a small request and its answer.
import { quantileSorted } from '../../../scenarios/engine/measure/statistics.ts'
import { against, interleave, joined, mapRounds, type Row, spreadOf } from '../rounds.ts'
import { figure, rowCells, type Section, spreadText, target } from '../section.ts'
import type { Ask } from './processes.ts'
import { LATENCY_MS, type Subject } from './subjects.ts'

const SLICES = 5
const COUNT = 300
const WARM_UP = 50
const COUNT_DELAYED = 2
const MOST_OF_THE_PIPE = 1.1

interface Times {
  p50: number
  p95: number
  p99: number
  /** To the p50 of direct in the same round. */
  added: number
}

/** Two tables: without latency against direct and the bare pipe, with it against the bare timer. */
export async function measureRoundTrips(
  ask: Ask,
  subjects: readonly Subject[],
  rounds: number,
): Promise<Section[]> {
  const samples = await interleave(subjects, { rounds, slices: SLICES }, ({ ports, toxic }) => {
    const isDelayed = toxic === 'latency'
    return ask('roundTrips', {
      port: ports.echo!,
      warmUp: isDelayed ? 1 : WARM_UP,
      count: isDelayed ? COUNT_DELAYED : COUNT,
    })
  })
  const rows = mapRounds(samples, slices => timesOf(joined(slices)))
  const direct = rows.find(({ subject }) => subject.way === 'direct')
  for (const { rounds } of rows) {
    rounds.forEach((times, round) => {
      times.added = times.p50 - (direct?.rounds[round]?.p50 ?? Number.NaN)
    })
  }
  const isDelayed = ({ subject }: Row<Times, Subject>) => subject.toxic === 'latency'
  return [undelayed(rows.filter(row => !isDelayed(row))), delayed(rows.filter(isDelayed))]
}

function timesOf(samples: Float64Array): Times {
  const ascending = samples.toSorted()
  const quantile = (q: number) => quantileSorted(ascending, q)!
  return { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), added: Number.NaN }
}

const middle = (rounds: Times[], key: keyof Times) => spreadOf(rounds.map(times => times[key])).median

function undelayed(rows: Row<Times, Subject>[]): Section {
  const direct = rows.find(({ subject }) => subject.way === 'direct')
  const pipe = rows.find(({ subject }) => subject.way === 'pipe')
  const ofDirect = (row: Row<Times, Subject>) => against(row, direct, (times, base) => times.p50 / base.p50)
  const ofPipe = (row: Row<Times, Subject>) => against(row, pipe, (times, base) => times.added / base.added)
  const plain = rows.find(({ subject }) => subject.way === 'embedded' && subject.toxic === 'none')
  const ratio = plain && ofPipe(plain)
  return {
    title: `Round trips of 200 bytes over one connection, one after the other, ms; rounds of ${SLICES} × ${COUNT}`,
    head: ['row', 'p50', 'p95', 'p99', 'p50 to direct', 'added to p50', "added to bare pipe's"],
    rows: rows.map(row =>
      rowCells(row, times => [
        figure(middle(times, 'p50'), 3),
        figure(middle(times, 'p95'), 3),
        figure(middle(times, 'p99'), 3),
        spreadText(ofDirect(row), 2),
        spreadText(
          against(row, direct, times => times.added),
          3,
        ),
        spreadText(ofPipe(row), 2),
      ]),
    ),
    targets: [
      target(
        `latency added with no toxic, at most ${MOST_OF_THE_PIPE.toFixed(2)} of what the bare pipe adds`,
        ratio?.median,
        value => value <= MOST_OF_THE_PIPE,
        spreadText(ratio, 2),
      ),
    ],
  }
}

function delayed(rows: Row<Times, Subject>[]): Section {
  const timer = rows.find(({ subject }) => subject.way === 'timer')
  return {
    title: `The same with ${LATENCY_MS} ms of latency, ms; rounds of ${SLICES} × ${COUNT_DELAYED}`,
    head: ['row', 'p50', 'p95', 'p50 over the bare timer'],
    rows: rows.map(row =>
      rowCells(row, times => [
        figure(middle(times, 'p50'), 2),
        figure(middle(times, 'p95'), 2),
        spreadText(
          against(row, timer, (times, base) => times.p50 - base.p50),
          2,
        ),
      ]),
    ),
    targets: [],
  }
}
