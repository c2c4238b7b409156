// The processes of the proxy bench, and the way to ask its load generator.
import type { Child } from '../../../chaos/supervise.ts'
import type { Laboratory } from '../laboratory.ts'
import { VoidError } from '../void-error.ts'
import type { Answer, Loads, Order } from './load.ts'

/** Asks the load generator for one of its loads; one at a time. Rejects with a VoidError when it counts for nothing. */
export type Ask = <N extends keyof Loads>(
  name: N,
  ...settings: Parameters<Loads[N]>
) => Promise<Awaited<ReturnType<Loads[N]>>>

/** Starts one of the bench's own processes. */
export function startOwn(lab: Laboratory, name: string, ...args: (string | number)[]): Promise<Child> {
  return lab.start(name, `test/bench/proxy/${name}.ts`, { args })
}

export async function startLoad(lab: Laboratory): Promise<Ask> {
  const child = await startOwn(lab, 'load')
  const gone = child.exited.then(() => {
    throw new Error(`the load generator ended: ${child.outputTail().trim() || 'it said nothing'}`)
  })
  gone.catch(() => {})
  return async (name, ...[settings]) => {
    lab.refuseWhenClosed()
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
