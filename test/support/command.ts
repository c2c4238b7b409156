// The command line as its users meet it: a process with arguments, an exit code and two streams.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

export interface Command {
  pid: number
  /** What it has written so far. */
  stdout: () => string
  stderr: () => string
  kill(signal: NodeJS.Signals): void
  /** Settles with the exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>
}

/** Starts `node <entry> …args` in the project; it is killed when the test has finished. */
export function command(entry: string, args: string[], env: Record<string, string> = {}): Command {
  const child = spawn(process.execPath, [join(root, entry), ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    written.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    written.stderr += chunk
  })
  const ended = new Promise<number | NodeJS.Signals | null>(resolve => {
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid!,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    kill: signal => child.kill(signal),
    ended,
  }
}

/** `npm run scenario -- …args`. */
export function scenario(args: string[], env: Record<string, string> = {}): Command {
  return command('scenarios/engine/cli.ts', args, env)
}

/** A folder that is gone when the test has finished. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'leeward-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
