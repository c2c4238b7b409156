// The last test of all: what the suite started has ended. A process that is left would hold its ports, too.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { commandOf, markedProcesses } from './marked-processes.ts'

const MARK = 'LEEWARD_TEST_RUN'
/** A child that was told to end may take this long. */
const WITHIN_MS = 5_000

export default function setup(): () => Promise<void> {
  const run = randomUUID()
  process.env[MARK] = run
  return async () => {
    if (!existsSync('/proc/self/environ'))
      return console.warn('not looked for left processes: there is no /proc here')
    const end = performance.now() + WITHIN_MS
    // Vitest's own workers may still be closing; what counts is what Leeward started.
    const left = () =>
      markedProcesses(MARK, run).filter(
        pid => /\/(src|chaos|scenarios|test)\//.test(commandOf(pid)) || /redis-server/.test(commandOf(pid)),
      )
    while (left().length > 0 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 50))
    const names = left().map(pid => `${pid} ${commandOf(pid)}`)
    if (names.length > 0) throw new Error(`left running by the tests:\n${names.join('\n')}`)
  }
}
