// Which processes belong to a test, told by a mark in their environment that children inherit. Linux only: it reads /proc.
import { readdirSync, readFileSync } from 'node:fs'

/** Pids of the living processes, other than this one, whose environment holds `<name>=<value>`. */
export function markedProcesses(name: string, value: string): number[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter(pid => environmentOf(pid).includes(`${name}=${value}`) && !isZombie(pid))
    .map(Number)
}

/** Its command line, for an error message. */
export function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
}

function environmentOf(pid: string): string[] {
  return read(`/proc/${pid}/environ`).split('\0')
}

/** Ended, and only waiting for its parent to notice. */
function isZombie(pid: string): boolean {
  return /^\d+ \(.*\) Z/s.test(read(`/proc/${pid}/stat`))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** One variable of its environment. */
export function environmentValueOf(pid: number, name: string): string | undefined {
  const entry = environmentOf(String(pid)).find(pair => pair.startsWith(`${name}=`))
  return entry?.slice(name.length + 1)
}
