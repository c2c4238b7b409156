// The scenarios there are: every .ts file directly in scenarios/ is one.
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { lineOf, RunError } from './run-error.ts'
import { defineScenario, type Scenario } from './scenario.ts'

const scenarioFolder = resolve(import.meta.dirname, '..')

/**
 * Every valid scenario, in the order of their names; `onProblem` gets a line for each file that is none.
 * @throws RunError naming the first such file, where nobody listens for problems
 */
export async function listScenarios(
  onProblem: (problem: string) => void = raise,
  folder = scenarioFolder,
): Promise<Scenario[]> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.ts')).sort()
  const results = await Promise.allSettled(files.map(file => readScenario(folder, file)))
  return results.flatMap(result => {
    if (result.status === 'fulfilled') return [result.value]
    onProblem(lineOf(result.reason))
    return []
  })
}

function raise(problem: string): never {
  throw new RunError(problem)
}

/**
 * One scenario by name, or undefined.
 * @throws RunError naming the file when it is not valid
 */
export async function findScenario(name: string, folder = scenarioFolder): Promise<Scenario | undefined> {
  const files = await readdir(folder)
  return files.includes(`${name}.ts`) ? readScenario(folder, `${name}.ts`) : undefined
}

async function readScenario(folder: string, file: string): Promise<Scenario> {
  try {
    const found: { default?: unknown } = await import(pathToFileURL(join(folder, file)).href)
    if (found.default === undefined)
      throw new RunError('no default export; export default defineScenario({ … })')
    const scenario = defineScenario(found.default as Scenario)
    if (`${scenario.name}.ts` === file) return scenario
    throw new RunError(`its scenario is named "${scenario.name}"; the two must be the same`)
  } catch (error) {
    throw new RunError(`scenarios/${file}${lineNumberIn(file, error)}: ${lineOf(error)}`, { cause: error })
  }
}

/** `:<line>` where the error's stack, which a syntax error begins with its place, knows one in this file. */
function lineNumberIn(file: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const line = Number.parseInt(stack.split(`/${file}:`)[1] ?? '', 10)
  return Number.isNaN(line) ? '' : `:${line}`
}
