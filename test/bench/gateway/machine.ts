// What the system is asked: to keep processes apart, and what CPU time each took. Both where it is Linux.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const TICKS_PER_SECOND = 100

/** What is measured has a core of its own; load and upstream have the others. */
const CORES = { measured: '0', beside: `1-${availableParallelism() - 1}` }

/** Can this machine keep processes apart? */
export const isPinned =
  process.platform === 'linux' && availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

/** Binds every thread of a process; its children to come are bound with it. */
export function pin(pid: number, place: keyof typeof CORES): void {
  if (isPinned) spawnSync('taskset', ['-acp', CORES[place], String(pid)])
}

/** The CPU time that a process has had, all threads together, in seconds; NaN where the system does not tell. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold anything; utime and stime are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return Number.NaN
  }
}

/**
 * Stops a process in its tracks, or has it go on: even one that has nothing to do wakes up a hundred times a second,
 * and takes the caches of the core that it shares with the one that is measured.
 */
export function halt(pid: number, isHalted: boolean): void {
  if (process.platform !== 'win32') process.kill(pid, isHalted ? 'SIGSTOP' : 'SIGCONT')
}

/** Is this command there? */
export function isInstalled(command: string): boolean {
  return spawnSync(command, ['-v']).error === undefined
}
