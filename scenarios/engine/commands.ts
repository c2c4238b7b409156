// What each word of the command line does. Each returns its exit code.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readReport } from '../report/json.ts'
import { wantsColour } from '../report/terminal/layout.ts'
import { drawsInPlace, liveView } from '../report/terminal/live.ts'
import { summary } from '../report/terminal.ts'
import { writeReport } from '../report/write.ts'
import { describesLab } from './lab/attached.ts'
import { assertWritable, writeObservations } from './observations-file.ts'
import { type Plan, planRun, type RunOptions } from './plan.ts'
import { progressOf } from './progress.ts'
import type { RunRecord } from './record.ts'
import { findScenario, listScenarios } from './registry.ts'
import { runScenario } from './run.ts'
import { RunError } from './run-error.ts'

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

/** Every scenario with its question. */
export async function listAll(): Promise<number> {
  process.stdout.write(await listing())
  return 0
}

async function listing(): Promise<string> {
  const scenarios = await listScenarios()
  const width = Math.max(...scenarios.map(({ name }) => name.length))
  const lines = scenarios.map(({ name, question }) => `  ${name.padEnd(width)}  ${question}`)
  return `Scenarios:\n\n${lines.join('\n')}\n\nRun one: npm run scenario -- ${scenarios.at(-2)?.name ?? '<name>'} [--quick]\n`
}

/** A scenario as the data that it is. */
export async function showOne(name: string): Promise<number> {
  process.stdout.write(`${JSON.stringify(await scenarioNamed(name), null, 2)}\n`)
  return 0
}

/** Checks every scenario; the first that is not valid is the error. */
export async function lintAll(): Promise<number> {
  const scenarios = await listScenarios()
  process.stdout.write(`${scenarios.length} scenarios, all valid\n`)
  return 0
}

/** Renders report.md, report.html and junit.xml again from a folder's report.json. */
export async function renderAgain(folder: string): Promise<number> {
  const file = join(folder, 'report.json')
  const text = await readFile(file, 'utf8').catch(error => {
    throw new RunError(
      `${file} cannot be read (${error.code}): name the folder of a run, such as reports/<scenario>/<time>`,
    )
  })
  const report = readReport(text)
  const { html } = await writeReport(report, folder)
  process.stdout.write(summary(report, { colour: wantsColour(process.stdout), path: html }))
  return 0
}

/** Runs one scenario and writes its report. */
export async function runOne(name: string, flags: RunFlags, env: Environment): Promise<number> {
  const scenario = await scenarioNamed(name)
  const plan = planRun(scenario, optionsOf(flags, env))
  await assertWritable(flags.out)
  const { report, record } = await withInterrupts(interrupt => {
    const request = { plan, env, interrupt, command: commandOf(name, flags) }
    return watched(plan, flags, env, onStart => runScenario({ ...request, onStart }))
  })
  const folder = join(flags.out, report.id)
  const { html } = await writeReport(report, folder)
  await writeObservations(record, folder)
  const text = flags.json
    ? `${JSON.stringify(report)}\n`
    : summary(report, { colour: wantsColour(process.stdout), path: html })
  process.stdout.write(text)
  return report.verdict.exitCode
}

/** Runs every scenario in turn; the worst exit code wins, and an interrupted one is the last. */
export async function runAll(flags: RunFlags, env: Environment): Promise<number> {
  let worst = 0
  for (const { name } of await listScenarios()) {
    const exitCode = await runOne(name, flags, env)
    worst = Math.max(worst, exitCode)
    if (exitCode === 130) break
  }
  return worst
}

async function scenarioNamed(name: string) {
  const scenario = await findScenario(name)
  if (scenario !== undefined) return scenario
  const names = (await listScenarios()).map(entry => entry.name).join(', ')
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
    if (controller.signal.aborted) process.exit(130)
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
