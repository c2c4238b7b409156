// `npm run scenario -- <name>`, and `all`: from flags to a report on the disk.
import { join } from 'node:path'
import type { Report } from '../../report/report.ts'
import { drawsInPlace, liveView } from '../../report/terminal/live.ts'
import { ReportWriteError, writeReport } from '../../report/write.ts'
import { assertWritable, writeObservations } from '../observations-file.ts'
import { type Plan, planRun } from '../plan.ts'
import { progressOf } from '../progress.ts'
import type { RunRecord } from '../record.ts'
import { runScenario } from '../run.ts'
import { lineOf } from '../run-error.ts'
import { complain, readScenarios, scenarioNamed, summaryOf } from './commands.ts'
import { EXIT_ERROR, EXIT_INTERRUPTED, worstOf } from './exit-code.ts'
import { withInterrupts } from './interrupts.ts'
import { commandOf, optionsOf, type RunFlags } from './run-flags.ts'

type Environment = Record<string, string | undefined>

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
