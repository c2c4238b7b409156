// What each word of the command line does. Each returns its exit code.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ReportReadError, readReport } from '../report/json.ts'
import type { Report } from '../report/report.ts'
import { wantsColour } from '../report/terminal/layout.ts'
import { drawsInPlace, liveView } from '../report/terminal/live.ts'
import { summary } from '../report/terminal.ts'
import { ReportWriteError, writeReport } from '../report/write.ts'
import { describesLab } from './lab/attached.ts'
import { assertWritable, writeObservations } from './observations-file.ts'
import { type Plan, planRun, type RunOptions } from './plan.ts'
import { progressOf } from './progress.ts'
import type { RunRecord } from './record.ts'
import { findScenario, listScenarios } from './registry.ts'
import { runScenario } from './run.ts'
import { lineOf, RunError } from './run-error.ts'
import type { Scenario } from './scenario.ts'

type Environment = Record<string, string | undefined>

/** The flags of a run as the command line gives them. */
export interface RunFlags {
  quick: boolean
  oneArm: boolean
  control: boolean
  seed: number
  rate?: number
  cache?: 'off' | 'memory' | 'redis'
  upstream?: string
  path?: string
  toxiproxy?: string
  out: string
  json: boolean
  plain: boolean
}

/** Bad input, or something that cannot be opened or written. */
export const EXIT_ERROR = 4

const EXIT_INTERRUPTED = 130

const WORST_FIRST = [5, EXIT_ERROR, EXIT_INTERRUPTED, 3, 1, 2, 0]

/** The exit code of several runs together: an error goes before a verdict, and a fail before an inconclusive run. */
export function worstOf(...exitCodes: number[]): number {
  return WORST_FIRST.find(exitCode => exitCodes.includes(exitCode)) ?? EXIT_ERROR
}

/** Every scenario with its question; on stderr a line for each file that is not valid. */
export async function listAll(): Promise<number> {
  const { scenarios, problems } = await readScenarios()
  process.stdout.write(listing(scenarios))
  return complain(problems)
}

async function readScenarios() {
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
function complain(problems: string[]): number {
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

function summaryOf(report: Report, path: string | null): string {
  const { columns } = process.stdout
  return summary(report, { colour: wantsColour(process.stdout), path, ...(columns ? { columns } : {}) })
}

/** Runs one scenario and writes its report. */
export async function runOne(name: string, flags: RunFlags, env: Environment): Promise<number> {
  return withInterrupts(interrupt => runAndTell(name, flags, env, interrupt))
}

/** Whatever the disk says, the verdict is told; a file that could not be written is an error after it. */
async function runAndTell(name: string, flags: RunFlags, env: Environment, interrupt: AbortSignal) {
  const scenario = await scenarioNamed(name)
  const plan = planRun(scenario, optionsOf(flags, env))
  await assertWritable(flags.out)
  const request = { plan, env, interrupt, command: commandOf(name, flags) }
  const { report, record } = await watched(plan, flags, env, onStart => runScenario({ ...request, onStart }))
  const { html, problems } = await writeFiles(report, record, join(flags.out, report.id))
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : summaryOf(report, html))
  const exitCode = worstOf(report.verdict.exitCode, ...problems.map(() => EXIT_ERROR))
  complain(problems.map(problem => `${problem} (exit code ${exitCode})`))
  return exitCode
}

async function writeFiles(report: Report, record: RunRecord, folder: string) {
  let html: string | null = null
  const problems: string[] = []
  try {
    html = (await writeReport(report, folder)).html
    await writeObservations(record, folder)
  } catch (error) {
    if (!(error instanceof ReportWriteError)) throw error
    problems.push(error.message)
  }
  return { html, problems }
}

/** Runs every scenario in turn, past those that cannot run, until interrupted; the worst exit code wins. */
export async function runAll(flags: RunFlags, env: Environment): Promise<number> {
  const { scenarios, problems } = await readScenarios()
  let worst = complain(problems)
  await withInterrupts(async interrupt => {
    for (const { name } of scenarios) {
      const exitCode = await runAndTell(name, flags, env, interrupt).catch(error =>
        complain([`${name}: ${lineOf(error)}`]),
      )
      worst = worstOf(worst, exitCode)
      if (interrupt.aborted) {
        worst = worstOf(worst, EXIT_INTERRUPTED)
        break
      }
    }
  })
  return worst
}

async function scenarioNamed(name: string) {
  const scenario = await findScenario(name)
  if (scenario !== undefined) return scenario
  const names = (await readScenarios()).scenarios.map(entry => entry.name).join(', ')
  throw new RunError(`there is no scenario "${name}"; there is ${names}`)
}

function optionsOf(flags: RunFlags, env: Environment): RunOptions {
  const toxiproxy = flags.toxiproxy ?? (env.TOXIPROXY_URL || undefined)
  if (flags.cache === 'redis' && !env.REDIS_URL && !describesLab(env)) {
    throw new RunError('--cache redis needs REDIS_URL, such as REDIS_URL=redis://127.0.0.1:6379')
  }
  return {
    quick: flags.quick,
    oneArm: flags.oneArm,
    control: flags.control,
    seed: flags.seed,
    ...(flags.rate === undefined ? {} : { ratePerSecond: flags.rate }),
    ...(flags.cache === undefined ? {} : { cache: flags.cache }),
    ...(flags.upstream === undefined ? {} : { upstream: flags.upstream }),
    ...(flags.path === undefined ? {} : { path: flags.path }),
    ...(toxiproxy === undefined ? {} : { toxiproxy }),
  }
}

/** The line that runs the same again. */
function commandOf(name: string, flags: RunFlags): string {
  const words = [
    ...(flags.quick ? ['--quick'] : []),
    ...(flags.oneArm ? ['--one-arm'] : []),
    ...(flags.control ? ['--control'] : []),
    ...(flags.rate === undefined ? [] : ['--rate', `${flags.rate}`]),
    ...(flags.cache === undefined ? [] : ['--cache', flags.cache]),
    ...(flags.upstream === undefined ? [] : ['--upstream', flags.upstream]),
    ...(flags.path === undefined ? [] : ['--path', `'${flags.path}'`]),
    ...(flags.toxiproxy === undefined ? [] : ['--toxiproxy', flags.toxiproxy]),
  ]
  return ['npm run scenario --', name, ...words, '--seed', `${flags.seed}`].join(' ')
}

/** Shows progress on stderr while `work` runs. */
async function watched<T>(
  plan: Plan,
  flags: RunFlags,
  env: Environment,
  work: (onStart: (record: RunRecord) => void) => Promise<T>,
): Promise<T> {
  let record: RunRecord | undefined
  const stream = process.stderr
  const view = liveView({
    stream,
    inPlace: drawsInPlace({ stream, plain: flags.plain, env }),
    read: () => (record === undefined ? null : progressOf(record)),
  })
  try {
    return await work(started => {
      for (const note of plan.notes) stream.write(`${note}\n`)
      record = started
    })
  } finally {
    view.stop()
  }
}

/** SIGINT and SIGTERM end a run early, with its faults undone and its report written; a second one ends at once. */
async function withInterrupts<T>(work: (interrupt: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const onSignal = (signal: NodeJS.Signals) => {
    // The guardian cleans up behind a runner that is gone.
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    process.stderr.write(
      `\n${signal}: undoing the faults and writing what there is; once more to leave at once\n`,
    )
    controller.abort(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  try {
    return await work(controller.signal)
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
