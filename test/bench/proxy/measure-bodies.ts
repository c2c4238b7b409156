// How fast a subject carries bodies of 8 MiB.

import { against, interleave, joined, mapRounds, type Row, spreadOf } from '../rounds.ts'
import { rowCells, type Section, spreadText, type Target, target } from '../section.ts'
import { BODY_BYTES } from './body.ts'
import type { Ask } from './processes.ts'
import type { Subject } from './subjects.ts'

const SLICES = 3
const COUNT = 4
const COUNT_DELAYED = 1
const BYTES_PER_MEGABYTE = 1_000_000
/** What the real server carried on two cores, where the bare pipe carried 554 MB/s; only judged where there is none in the run. */
const REAL_SERVER_NOTED = 620

const ratio = (own: number, base: number) => own / base

/** MB/s over one connection, one body after the other. */
export async function measureBodies(
  ask: Ask,
  subjects: readonly Subject[],
  rounds: number,
): Promise<Section> {
  const samples = await interleave(subjects, { rounds, slices: SLICES }, ({ ports, toxic }) =>
    ask('bodies', { port: ports.bodies!, count: toxic === 'latency' ? COUNT_DELAYED : COUNT }),
  )
  const rows = mapRounds(samples, slices => megabytesPerSecond(joined(slices)))
  const find = (way: Subject['way']) =>
    rows.find(({ subject }) => subject.way === way && subject.toxic === 'none')
  const direct = find('direct')
  const pipe = find('pipe')
  return {
    title: `8 MiB bodies over one connection, one after the other, MB/s; rounds of ${SLICES} × ${COUNT}`,
    head: ['row', 'MB/s', 'to direct', 'to the bare pipe'],
    rows: rows.map(row =>
      rowCells(row, rates => [
        spreadText(spreadOf(rates), 0),
        spreadText(against(row, direct, ratio), 2),
        spreadText(against(row, pipe, ratio), 2),
      ]),
    ),
    targets: [throughput(find('embedded'), find('real'))],
  }
}

function megabytesPerSecond(times: Float64Array): number {
  const seconds = times.reduce((sum, ms) => sum + ms, 0) / 1_000
  return (BODY_BYTES * times.length) / BYTES_PER_MEGABYTE / seconds
}

function throughput(
  embedded: Row<number, Subject> | undefined,
  real: Row<number, Subject> | undefined,
): Target {
  if (embedded === undefined || embedded.void !== '') {
    return target('throughput with no toxic', undefined, () => false, '')
  }
  if (real !== undefined) {
    const share = against(embedded, real, ratio)
    const claim = "throughput with no toxic, at least the real server's"
    return target(claim, share?.median, value => value >= 1, `${spreadText(share, 2)} of it`)
  }
  const { median } = spreadOf(embedded.rounds)
  return target(
    `throughput with no toxic, at least the ${REAL_SERVER_NOTED} MB/s noted of a real server on a quiet machine (none in this run)`,
    median,
    value => value >= REAL_SERVER_NOTED,
    `${median.toFixed(0)} MB/s`,
  )
}
