// What a process holds in memory, asked of the system, because the process itself is what is measured.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export function residentBytes(pid: number): number {
  return residentKilobytes(pid) * 1_024
}

function residentKilobytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
  }
}
