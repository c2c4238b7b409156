// What the bench has running, and its end: every process that was started, every entry made in somebody's server.
import { join } from 'node:path'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import type { Answer, Loads, Order } from './load.ts'
import { VoidError } from './void-error.ts'

const READY_WITHIN_MS = 20_000
const ROOT = join(import.meta.dirname, '../../..')

/** Asks the load generator for one of its loads; one at a time. Rejects with a VoidError when it counts for nothing. */
export type Ask = <N extends keyof Loads>(
  name: N,
  ...settings: Parameters<Loads[N]>
) => Promise<Awaited<ReturnType<Loads[N]>>>

export class Laboratory {
  readonly #undo: (() => Promise<unknown>)[] = []
  #isClosed = false

  /** Starts a process of its own; `entry` is a path from the root. */
  start(name: string, entry: string, ...args: string[]): Promise<Child> {
    this.#refuseWhenClosed()
    const starting = startChild({ name, entry: join(ROOT, entry), args, readyWithinMs: READY_WITHIN_MS })
    starting.catch(() => {})
    this.onClose(() => starting.then(child => child.stop()))
    return starting
  }

  /** Starts one of the bench's own processes. */
  startOwn(name: string, ...args: (string | number)[]): Promise<Child> {
    return this.start(name, `test/bench/proxy/${name}.ts`, ...args.map(String))
  }

  async startLoad(): Promise<Ask> {
    const child = await this.startOwn('load')
    const gone = child.exited.then(() => {
      throw new Error(`the load generator ended: ${child.outputTail().trim() || 'it said nothing'}`)
    })
    gone.catch(() => {})
    return async (name, ...[settings]) => {
      this.#refuseWhenClosed()
      const answer = new Promise<Answer>(resolve => {
        const stop = child.onMessage(message => {
          stop()
          resolve(message as Answer)
        })
      })
      child.send({ name, settings } satisfies Order)
      const settled = await Promise.race([answer, gone])
      if ('void' in settled) throw new VoidError(settled.void)
      if ('fault' in settled) throw new Error(`the load generator failed: ${settled.fault}`)
      return settled.value as never
    }
  }

  /** Told before what it undoes is done, so that nothing slips through when the bench ends in between. */
  onClose(undo: () => Promise<unknown>): void {
    this.#refuseWhenClosed()
    this.#undo.push(undo)
  }

  /** Ends everything, the newest first; what cannot be undone does not keep the rest from it. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop())
      await undo().catch(() => {})
  }
  /** A run that was interrupted goes on until its next step. */
  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new Error('nothing more is started: the bench is ending')
  }
}
