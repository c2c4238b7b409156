import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** A process entry of ours, running beside the test so that neither's event loop bends the other's clock. */
export interface EntryProcess {
  child: ChildProcess
  ports: Record<string, number>
  close(): Promise<void>
}

/** Starts a .ts entry (path from the root) and waits until it says it is ready. */
export async function startEntry(
  entry: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<EntryProcess> {
  const child = fork(join(root, entry), args, {
    serialization: 'advanced',
    env: { PATH: process.env.PATH, ...env },
    execArgv: [],
  })
  const exited = once(child, 'exit')
  const ready = await Promise.race([
    once(child, 'message').then(([message]) => message as { ports: Record<string, number> }),
    exited.then(([code]) => Promise.reject(new Error(`${entry} ended with ${code} before it was ready`))),
  ])
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exited
  }
  return { child, ports: ready.ports, close }
}
