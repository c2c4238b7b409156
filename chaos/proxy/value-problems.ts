// Which values of a toxic make no sense. The real server takes them all, and dies of some.
import { isList, usable } from './attributes.ts'
import type { ListRange, Range } from './pipe.ts'
import type { StageToxic } from './stage.ts'

const TOXICITY: Range = { least: 0, most: 1 }

type Value = StageToxic['attributes'][string]

/** One sentence for each, naming the attribute and its range; empty when all is well. */
export function valueProblems({ kind, toxicity, attributes }: StageToxic): string[] {
  const outOfRange = Object.entries(kind.attributes).flatMap(([name, range]) =>
    isList(range)
      ? listProblem(name, range, attributes[name] ?? [])
      : rangeProblem(name, range, attributes[name] ?? 0),
  )
  const contradiction = outOfRange.length === 0 ? kind.contradiction?.(usable(attributes)) : undefined
  return [
    ...rangeProblem('toxicity', TOXICITY, toxicity),
    ...outOfRange,
    ...(contradiction === undefined ? [] : [contradiction]),
  ]
}

function rangeProblem(name: string, range: Range, value: Value): string[] {
  return isIn(range, value) ? [] : [`${name} must be ${range.least} to ${range.most}, got ${value}`]
}

function listProblem(name: string, range: ListRange, value: Value): string[] {
  const items = typeof value === 'object' ? value : [value]
  const stray = items.find(item => !isIn(range, item))
  const size = items.length < 1 || items.length > range.mostItems ? `${items.length} of them` : undefined
  const problem = size ?? stray
  if (problem === undefined) return []
  return [
    `${name} must be 1 to ${range.mostItems} values, each ${range.least} to ${range.most}, got ${problem}`,
  ]
}

function isIn({ least, most }: Range, value: Value): boolean {
  return typeof value !== 'object' && value >= least && value <= most
}
