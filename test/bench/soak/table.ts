// What came of a soak. Pure functions.
import { figure, type Section, type Target, target } from '../section.ts'
import type { SoakSample } from '../soak.ts'
import type { LoadTotals } from './load.ts'

const MOST_SHARE = 0.1
/** A few of these come and go with the process's own business. */
const MOST_SOCKETS = 2

const megabytes = (bytes: number) => figure(bytes / 1e6, 1)

/** @param samples the first and the last at rest, the others under load, each after a full collection */
export function soakSection(samples: readonly SoakSample[], totals: LoadTotals): Section {
  const statuses = Object.entries(totals.statuses)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([kind, count]) => `${count.toLocaleString('en-US')} ${kind}`)
  const { answers, errors, left } = totals
  return {
    title: `${answers.toLocaleString('en-US')} answers (${statuses.join(', ')}), ${errors} errors, ${left.toLocaleString('en-US')} clients who left; memory after a full collection, MB`,
    head: ['when', 'minutes', 'heap', 'buffers', 'resident', 'sockets', 'timers'],
    rows: samples.map(({ fault, minutes, held }) => [
      fault,
      figure(minutes, 1),
      megabytes(held.heapBytes),
      megabytes(held.externalBytes),
      megabytes(held.rssBytes),
      String(held.sockets),
      String(held.timers),
    ]),
    targets: targets(samples),
  }
}

function targets(samples: readonly SoakSample[]): Target[] {
  const first = samples[0]?.held
  const last = samples.at(-1)?.held
  if (first === undefined || last === undefined) return []
  const growth = last.heapBytes / first.heapBytes - 1
  const more = last.sockets - first.sockets
  return [
    target(
      'the heap at rest is back where it was at the start, ±10 %',
      growth,
      value => Math.abs(value) <= MOST_SHARE,
      `${megabytes(first.heapBytes)} MB, then ${megabytes(last.heapBytes)} MB (${(100 * growth).toFixed(1)} %)`,
    ),
    target(
      `so are the sockets, ±10 % or ${MOST_SOCKETS}`,
      more,
      value => Math.abs(value) <= Math.max(MOST_SOCKETS, MOST_SHARE * first.sockets),
      `${first.sockets}, then ${last.sockets}`,
    ),
  ]
}
