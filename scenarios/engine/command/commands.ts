// What the words of the command line do, but for a run. Each returns its exit code.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ReportReadError, readReport } from '../../report/json.ts'
import type { Report } from '../../report/report.ts'
import { wantsColour } from '../../report/terminal/layout.ts'
import { summary } from '../../report/terminal.ts'
import { ReportWriteError, writeReport } from '../../report/write.ts'
import { findScenario, listScenarios } from '../registry.ts'
import { lineOf, RunError } from '../run-error.ts'
import type { Scenario } from '../scenario.ts'
import { EXIT_ERROR } from './exit-code.ts'

/** Every scenario with its question; on stderr a line for each file that is not valid. */
export async function listAll(): Promise<number> {
  const { scenarios, problems } = await readScenarios()
  process.stdout.write(listing(scenarios))
  return complain(problems)
}

/** Every scenario that can be read, and a line for each file that cannot. */
export async function readScenarios() {
  const problems: string[] = []
  const scenarios = await listScenarios(problem => problems.push(problem))
  return { scenarios, problems }
}

function listing(scenarios: Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length))
  const lines = scenarios.map(({ name, question }) => `  ${name.padEnd(width)}  ${question}`)
  return `Scenarios:\n\n${lines.join('\n')}\n\nRun one: npm run scenario -- ${scenarios.at(-2)?.name ?? '<name>'} [--quick]\n`
}

/** Puts each problem on stderr; the exit code is 0 where there is none. */
export function complain(problems: string[]): number {
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  return problems.length === 0 ? 0 : EXIT_ERROR
}

/** A scenario as the data that it is. */
export async function showOne(name: string): Promise<number> {
  process.stdout.write(`${JSON.stringify(await scenarioNamed(name), null, 2)}\n`)
  return 0
}

/** Checks every scenario; each file that is not valid gets its line. */
export async function lintAll(): Promise<number> {
  const { scenarios, problems } = await readScenarios()
  if (problems.length === 0) process.stdout.write(`${scenarios.length} scenarios, all valid\n`)
  return complain(problems)
}

/** Renders report.md, report.html and junit.xml again from a folder's report.json. */
export async function renderAgain(folder: string): Promise<number> {
  const file = join(folder, 'report.json')
  const text = await readFile(file, 'utf8').catch(error => {
    throw new RunError(
      `${file} cannot be read (${error.code}): name the folder of a run, such as reports/<scenario>/<time>`,
    )
  })
  try {
    const report = readReport(text)
    const { html } = await writeReport(report, folder)
    process.stdout.write(summaryOf(report, html))
    return 0
  } catch (error) {
    if (error instanceof ReportWriteError) throw error
    const why =
      error instanceof ReportReadError
        ? error.message
        : `the report is damaged (${lineOf(error)}); run the scenario again`
    throw new RunError(`${file}: ${why}`, { cause: error })
  }
}

/** The summary for the terminal that stdout is, or is not. */
export function summaryOf(report: Report, path: string | null): string {
  const { columns } = process.stdout
  return summary(report, { colour: wantsColour(process.stdout), path, ...(columns ? { columns } : {}) })
}

/** A scenario by its name. @throws RunError naming those there are */
export async function scenarioNamed(name: string) {
  const scenario = await findScenario(name)
  if (scenario !== undefined) return scenario
  const names = (await readScenarios()).scenarios.map(entry => entry.name).join(', ')
  throw new RunError(`there is no scenario "${name}"; there is ${names}`)
}
