// One run from its plan to its report.
import type { Report } from '../report/report.ts'
import { assembleReport } from './assemble.ts'
import { epochMs } from './clock.ts'
import type { Ending } from './judge/judge.ts'
import { attachLab, describesLab } from './lab/attached.ts'
import type { CleanUp, Lab } from './lab/lab.ts'
import { openLocalLab } from './lab/local.ts'
import { LoadDriver } from './load-driver.ts'
import { holdPhase } from './phase.ts'
import type { Plan } from './plan.ts'
import { beginRecord, type RunRecord } from './record.ts'
import { lineOf } from './run-error.ts'
import { stopWhen } from './stop-conditions.ts'

/** What a caller gives a run. */
export interface RunRequest {
  plan: Plan
  env: Record<string, string | undefined>
  /** The command line that runs this again. */
  command: string
  /** Aborted by SIGINT or SIGTERM; its reason names which. */
  interrupt: AbortSignal
  /** Called when the load is about to start, with the record that will grow. */
  onStart?: (record: RunRecord) => void
}

/** A report with the raw record that it was made from. */
export interface RunResult {
  report: Report
  record: RunRecord
}

/** How long before the first arrival everything must have been told. */
const LEAD_MS = 150

/**
 * Opens the lab, holds each phase while the load runs, cleans up, measures, judges.
 * @throws RunError when the lab cannot be opened; whatever happens later stands in the report
 */
export async function runScenario(request: RunRequest): Promise<RunResult> {
  const { plan, env, command, interrupt } = request
  const lab = await (describesLab(env) ? attachLab(plan, env) : openLocalLab(plan, env))
  let record: RunRecord | undefined
  let ending: Ending
  let cleanUp: CleanUp
  try {
    record = await beginRecord(lab, plan, epochMs() + LEAD_MS)
    request.onStart?.(record)
    ending = await storm(lab, record, interrupt)
  } catch (error) {
    if (record === undefined) throw error
    ending = { kind: 'error', because: lineOf(error) }
  } finally {
    record?.stopWatching()
    cleanUp = await lab.close()
  }
  return { record, report: assembleReport({ plan, command, env, lab, record, ending, cleanUp }) }
}

/** Load from the first phase to the last, with the faults of each; ends early when it must. */
async function storm(lab: Lab, record: RunRecord, interrupt: AbortSignal): Promise<Ending> {
  const driver = new LoadDriver(lab.load, record)
  const stop = stopWhen(record, driver, interrupt)
  try {
    driver.start()
    for (const phase of record.scenario.phases) {
      await holdPhase(phase, lab, record, stop.signal)
      if (stop.signal.aborted) break
    }
    if (stop.signal.aborted) driver.stop()
    record.instrument = await driver.result()
  } finally {
    stop.dispose()
  }
  return stop.ending()
}
