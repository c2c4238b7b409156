// Which values of a toxic make no sense. The real server takes them all, and dies of some.
import type { Range } from './pipe.ts'
import type { StageToxic } from './stage.ts'

const TOXICITY: Range = { least: 0, most: 1 }

/** One sentence for each, naming the attribute and its range; empty when all is well. */
export function valueProblems({ kind, toxicity, attributes }: StageToxic): string[] {
  const outOfRange = Object.entries(kind.attributes).flatMap(([name, range]) =>
    rangeProblem(name, range, attributes[name] ?? 0),
  )
  const contradiction =
    outOfRange.length === 0 ? kind.contradiction?.(attributes as Record<string, number>) : undefined
  return [
    ...rangeProblem('toxicity', TOXICITY, toxicity),
    ...outOfRange,
    ...(contradiction === undefined ? [] : [contradiction]),
  ]
}

function rangeProblem(name: string, { least, most }: Range, value: number | bigint): string[] {
  return value >= least && value <= most ? [] : [`${name} must be ${least} to ${most}, got ${value}`]
}
