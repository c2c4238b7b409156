import { once } from 'node:events'
import type {
  FromLoad,
  LoadInstrument,
  LoadPlan,
  ObservationColumns,
} from '../../scenarios/engine/load/messages.ts'
import { ENDINGS } from '../../scenarios/engine/load/messages.ts'
import { ObservationLog, sortedByDue } from '../../scenarios/engine/load/observation-log.ts'
import { runLoad } from '../../scenarios/engine/load/run-load.ts'
import { OUTCOMES } from '../../scenarios/report/report.ts'
import { startEntry } from './entry-process.ts'

/** What a load run left behind: per arm the observations in due order. */
export interface LoadRun {
  instrument: LoadInstrument
  arms: Record<string, ObservationColumns>
  messages: number
}

/** A plan for one arm, `sut`, with everything that a test does not care about filled in. */
export function planFor(
  port: number,
  plan: Omit<Partial<LoadPlan>, 'schedule'> & { schedule?: Partial<LoadPlan['schedule']> } = {},
): LoadPlan {
  return {
    seed: 1,
    arms: [
      { name: 'sut', baseUrl: `http://127.0.0.1:${port}`, readPath: '/areas/{key}', writePath: '/areas' },
    ],
    clientDeadlineMs: 1_000,
    freshMs: 2_000,
    isStamped: false,
    startAtEpochMs: Date.now(),
    ...plan,
    schedule: {
      ratePerSecond: 100,
      arrivals: 'uniform',
      keys: 10,
      zipfExponent: 0,
      readShare: 1,
      phases: [{ name: 'baseline', durationMs: 1_000 }],
      warmUpMs: 0,
      ...plan.schedule,
    },
  }
}

/** Runs a plan in a load generator of its own process, as the runner does. */
export async function runLoadProcess(
  plan: LoadPlan,
  { stopWhen }: { stopWhen?: (run: LoadRun) => boolean } = {},
): Promise<LoadRun> {
  const generator = await startEntry('scenarios/engine/load/main.ts')
  try {
    const { child } = generator
    const gathered = gatherer(plan)
    const done = new Promise<void>(resolve => {
      child.on('message', (message: FromLoad) => {
        gathered.hear(message)
        if (stopWhen?.(gathered.run()) === true) child.send({ type: 'stop' })
        if (message.type === 'done') resolve()
      })
    })
    child.send({ type: 'start', plan })
    const died = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`generator ended with ${code}`)),
    )
    await Promise.race([done, died])
    return gathered.run()
  } finally {
    await generator.close()
  }
}

/** Runs a plan inside the test's own process: quicker, for tests that do not judge times. */
export async function runLoadHere(plan: LoadPlan): Promise<LoadRun> {
  const gathered = gatherer(plan)
  await runLoad(plan, gathered.hear).finished
  return gathered.run()
}

function gatherer(plan: LoadPlan) {
  const logs = Object.fromEntries(plan.arms.map(({ name }) => [name, new ObservationLog()]))
  let messages = 0
  let instrument = {} as LoadInstrument
  return {
    hear: (message: FromLoad) => {
      if (message.type === 'done') instrument = message.instrument
      if (message.type !== 'observations') return
      messages++
      for (const { name, rows } of message.arms) logs[name]!.append(rows)
    },
    run: (): LoadRun => ({
      messages,
      instrument,
      arms: Object.fromEntries(Object.entries(logs).map(([name, log]) => [name, sortedByDue(log.columns())])),
    }),
  }
}

/** How many observations there are of each ending, or outcome, that occurs. */
export function countBy(rows: ObservationColumns, column: 'ending' | 'outcome'): Record<string, number> {
  const words: readonly string[] = column === 'ending' ? ENDINGS : OUTCOMES
  const counts: Record<string, number> = {}
  for (const code of rows[column]) counts[words[code]!] = (counts[words[code]!] ?? 0) + 1
  return counts
}

/** Latencies (from due to ended) in milliseconds. */
export function latenciesMs(rows: ObservationColumns): Float64Array {
  return rows.endedMs.map((endedMs, at) => endedMs - rows.dueMs[at]!)
}
