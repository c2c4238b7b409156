// One part of the bench's report: a table, and the targets that its figures meet or miss. Pure functions.
import type { Row, Spread } from './rounds.ts'

export interface Target {
  claim: string
  figure: string
  /** Undefined when there is nothing to judge. */
  isMet: boolean | undefined
}

export interface Section {
  title: string
  head: readonly string[]
  rows: readonly (readonly string[])[]
  targets: readonly Target[]
}

const MISSING = '–'

export function figure(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined || Number.isNaN(value) ? MISSING : value.toFixed(digits)
}

/** The middle, with the least and the most beside it. */
export function spreadText(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return MISSING
  const { median, least, most } = spread
  return `${figure(median, digits)} (${figure(least, digits)}–${figure(most, digits)})`
}

/** The cells of a row, or why it counts for nothing. */
export function rowCells<F>(row: Row<F>, cells: (rounds: F[]) => string[]): string[] {
  const { subject, rounds } = row
  return [subject.name, ...(row.void === '' ? cells(rounds) : [`void: ${row.void}`])]
}

/** A target on one figure; nothing is judged where there is none. */
export function target(
  claim: string,
  value: number | undefined,
  isMet: (value: number) => boolean,
  shown: string,
): Target {
  if (value === undefined || Number.isNaN(value)) return { claim, figure: 'not measured', isMet: undefined }
  return { claim, figure: shown, isMet: isMet(value) }
}

/** The section as Markdown. */
export function sectionText({ title, head, rows }: Section): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    `\n${title}\n`,
    line(head),
    `|---|${head
      .slice(1)
      .map(() => '---:|')
      .join('')}`,
    ...rows.map(line),
  ].join('\n')
}

export function targetText({ claim, figure, isMet }: Target): string {
  return `${isMet === undefined ? MISSING : isMet ? '✓' : '✗'} ${claim}: ${figure}`
}
