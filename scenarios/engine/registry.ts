// The scenarios there are: every .ts file directly in scenarios/ is one.
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { lineOf, RunError } from './run-error.ts'
import { defineScenario, type Scenario } from './scenario.ts'

const folder = resolve(import.meta.dirname, '..')

/**
 * Reads every scenario, in the order of their names.
 * @throws RunError naming the file that cannot be read, or whose name is not its scenario's
 */
export async function listScenarios(): Promise<Scenario[]> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.ts')).sort()
  return Promise.all(files.map(readScenario))
}

/** One scenario by name, or undefined. */
export async function findScenario(name: string): Promise<Scenario | undefined> {
  const files = await readdir(folder)
  return files.includes(`${name}.ts`) ? readScenario(`${name}.ts`) : undefined
}

async function readScenario(file: string): Promise<Scenario> {
  const place = `scenarios/${file}`
  let found: { default?: unknown }
  try {
    found = await import(pathToFileURL(join(folder, file)).href)
  } catch (error) {
    throw new RunError(`${place}: ${lineOf(error)}`)
  }
  if (found.default === undefined)
    throw new RunError(`${place}: no default export; export default defineScenario({ … })`)
  const scenario = defineScenario(found.default as Scenario)
  if (`${scenario.name}.ts` !== file) {
    throw new RunError(`${place}: its scenario is named "${scenario.name}"; the two must be the same`)
  }
  return scenario
}
