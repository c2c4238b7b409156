import { EXIT_INTERRUPTED } from './exit-code.ts'

/** SIGINT and SIGTERM end a run early, with its faults undone and its report written; a second one ends at once. */
export async function withInterrupts<T>(work: (interrupt: AbortSignal) => Promise<T>): Promise<T> {
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
