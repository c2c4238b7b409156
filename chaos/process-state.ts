// What the system knows of a process, so that nobody signals a stranger who was given a dead one's number.
import { readFileSync } from 'node:fs'

export interface ProcessState {
  /** Ticks since boot; with the pid it names one process for ever. Null where the system has no /proc. */
  startedAt: string | null
  isPaused: boolean
}

/** The state of a live process; null when it is gone, or dead and only waiting for its parent to notice. */
export function processState(pid: number): ProcessState | null {
  try {
    // The command's name stands in brackets and may hold anything, brackets included.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    const [state] = fields
    if (state === 'Z' || state === 'X') return null
    return { startedAt: fields[19] ?? null, isPaused: state === 'T' }
  } catch {
    return processStateWithoutProc(pid)
  }
}

function processStateWithoutProc(pid: number): ProcessState | null {
  try {
    process.kill(pid, 0)
    return { startedAt: null, isPaused: false }
  } catch {
    return null
  }
}
