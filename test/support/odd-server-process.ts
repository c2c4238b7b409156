import { once } from 'node:events'
import { type EntryProcess, startEntry } from './entry-process.ts'
import type { BehaviourName, OddServerSettings } from './odd-server.ts'

/** A misbehaving server that is running. */
export interface OddServer {
  port: number
  /** What it did so far, by behaviour, and in total. */
  counts(): Promise<Partial<Record<BehaviourName | 'total', number>>>
  close(): Promise<void>
}

/** Starts a misbehaving server in a process of its own. */
export async function startOddServer(settings: OddServerSettings): Promise<OddServer> {
  const server: EntryProcess = await startEntry('test/support/odd-server.ts', {
    args: [JSON.stringify(settings)],
  })
  return {
    port: server.ports.http!,
    counts: async () => {
      const answer = once(server.child, 'message')
      server.child.send('count')
      return (await answer)[0]
    },
    close: server.close,
  }
}
