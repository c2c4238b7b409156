// What a bench has running, and its end: every process that was started, every entry made in somebody's server.
import { once } from 'node:events'
import { join } from 'node:path'
import { startGuardian } from '../../chaos/guard-run.ts'
import { type Child, startChild } from '../../chaos/supervise.ts'

const READY_WITHIN_MS = 20_000
const EXIT_INTERRUPTED = 130
const ROOT = join(import.meta.dirname, '../..')

/** Runs a bench; what it started has ended when this settles, Ctrl-C included. */
export async function inLaboratory(run: (lab: Laboratory) => Promise<void>): Promise<void> {
  const lab = new Laboratory()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const interruption = Promise.race(signals.map(signal => once(process, signal)))
  const running = run(lab)
  running.catch(() => {}) // once interrupted, it fails at its next step
  try {
    const signal = await Promise.race([running, interruption])
    if (signal === undefined) return
    process.stderr.write(`${signal[0]}: ending what was started\n`)
    await lab.close()
    process.exit(EXIT_INTERRUPTED)
  } finally {
    await lab.close()
  }
}

export interface StartOptions {
  args?: readonly (string | number)[]
  /** Added to this process's own environment. */
  env?: Readonly<Record<string, string>>
}

export class Laboratory {
  readonly #undo: (() => Promise<unknown>)[] = []
  /** Ends what was started should we be killed: who stands still cannot see that we are gone. */
  readonly #guardian = startGuardian()
  #isClosed = false

  /** Starts a process of its own; `entry` is a path from the root. */
  start(name: string, entry: string, { args = [], env = {} }: StartOptions = {}): Promise<Child> {
    this.refuseWhenClosed()
    const starting = startChild({
      name,
      entry: join(ROOT, entry),
      args: args.map(String),
      env: { ...process.env, ...env },
      readyWithinMs: READY_WITHIN_MS,
      guardian: this.#guardian,
    })
    starting.catch(() => {})
    this.onClose(() => starting.then(child => child.stop()))
    return starting
  }

  /** A process that was started in another way ends with us, however we end. */
  watch(pid: number): void {
    this.#guardian.watch(pid)
  }

  /** Told before what it undoes is done, so that nothing slips through when the bench ends in between. */
  onClose(undo: () => Promise<unknown>): void {
    this.refuseWhenClosed()
    this.#undo.push(undo)
  }

  /** A run that was interrupted goes on until its next step. */
  refuseWhenClosed(): void {
    if (this.#isClosed) throw new Error('nothing more is started: the bench is ending')
  }

  /** Ends everything, the newest first; what cannot be undone does not keep the rest from it. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop())
      await undo().catch(() => {})
    await this.#guardian.dismiss()
  }
}
