// The raw observations of a run, one row each, for those who want to count for themselves.
import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { OUTCOMES } from '../report/report.ts'
import { ReportWriteError, reasonOf, writeWhole } from '../report/write.ts'
import { ENDINGS } from './load/messages.ts'
import { sortedByDue } from './load/observation-log.ts'
import type { ArmInRun, RunRecord } from './record.ts'
import { RunError } from './run-error.ts'

const HEADER = 'arm,index,due_ms,sent_ms,ended_ms,kind,key,status,ending,outcome,age_ms,collapsed'

/**
 * Writes `observations.csv.gz` into the report's folder, whole or not at all.
 * @throws ReportWriteError when the disk refuses
 */
export async function writeObservations(record: RunRecord, folder: string): Promise<void> {
  const text = `${[HEADER, ...record.arms.flatMap(rowsOf)].join('\n')}\n`
  const path = join(folder, 'observations.csv.gz')
  const packed = await promisify(gzip)(text)
  try {
    await writeWhole([[path, packed]])
  } catch (cause) {
    throw new ReportWriteError(`cannot write ${path}: ${reasonOf(cause)}`, { cause })
  }
}

function rowsOf({ lab, observations }: ArmInRun): string[] {
  const rows = sortedByDue(observations.columns())
  const ms = (value: number) => (Number.isNaN(value) ? '' : value.toFixed(3))
  return Array.from(rows.index, (index, at) =>
    [
      lab.arm.name,
      index,
      ms(rows.dueMs[at]!),
      ms(rows.sentMs[at]!),
      ms(rows.endedMs[at]!),
      rows.isRead[at] === 1 ? 'read' : 'write',
      rows.key[at],
      rows.status[at],
      ENDINGS[rows.ending[at]!],
      OUTCOMES[rows.outcome[at]!],
      ms(rows.ageMs[at]!),
      rows.isCollapsed[at],
    ].join(','),
  )
}

/**
 * Looks before the run whether its report can be written, rather than after.
 * @throws RunError when it cannot
 */
export async function assertWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new RunError(
      `reports cannot be written to "${folder}" (${code}): make it writable, or name another with --out`,
    )
  }
}
