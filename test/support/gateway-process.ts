import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

/** A gateway as a process of its own. */
export interface GatewayProcess {
  readonly child: ChildProcess
  readonly ports: { http: number; admin: number }
  stdout(): string
  /** Resolves with the exit code once it has ended. */
  readonly exited: Promise<number | null>
  close(): Promise<void>
}

/** Starts it on free ports and waits until it says that it is ready. */
export async function spawnGateway(settings: Record<string, string>): Promise<GatewayProcess> {
  const run = runGateway({ PORT: '0', ADMIN_PORT: '0', ...settings })
  const [message] = await Promise.race([
    once(run.child, 'message'),
    run.exited.then(code => Promise.reject(new Error(`ended with ${code}: ${run.stderr()}`))),
  ])
  return {
    ...run,
    ports: message.ports,
    async close() {
      run.child.kill('SIGKILL')
      await run.exited
    },
  }
}

/** Starts it with these settings alone. */
export function runGateway(settings: Record<string, string>) {
  const child = fork(MAIN, { env: settings, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', chunk => {
    stdout += chunk
  })
  child.stderr?.on('data', chunk => {
    stderr += chunk
  })
  // Not the child's 'close': it never comes once the channel to the child was disconnected.
  const ended = Promise.all([once(child, 'exit'), once(child.stdout!, 'close'), once(child.stderr!, 'close')])
  const exited = ended.then(([[code]]) => code as number | null)
  return { child, exited, stdout: () => stdout, stderr: () => stderr }
}
