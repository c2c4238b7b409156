// The runner's end of the guardian.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ControlCall } from './control-call.ts'

/** What the runner tells its guardian. */
export type GuardianOrder =
  | { kind: 'watch'; pid: number }
  | { kind: 'forget'; pid: number }
  | { kind: 'remember'; id: number; call: ControlCall }
  | { kind: 'done'; id: number }
  | { kind: 'dismiss' }

/**
 * Knows what must be ended and undone should the runner die.
 * `watch` and `remember` throw when the guardian itself is gone: nothing is broken without a guard.
 */
export interface Guardian {
  pid: number
  /** Settles when it has ended, dismissed or not. */
  exited: Promise<void>
  /** Rejects when it does not come up: then nothing may be broken. */
  ready: Promise<void>
  /** This process is resumed and ended should we die. */
  watch(pid: number): void
  forget(pid: number): void
  /** This call is made should we die. Answers with a number for `done`. */
  remember(call: ControlCall): number
  done(id: number): void
  /** All is cleaned up: the guardian ends without doing anything. */
  dismiss(): Promise<void>
}

const READY_WITHIN_MS = 10_000

/**
 * Starts the guardian in a session of its own, where neither Ctrl-C nor a closing terminal reaches it.
 * It may be told things at once: they wait for it in its pipe.
 */
export function startGuardian(): Guardian {
  const guardian = spawn(process.execPath, [join(import.meta.dirname, 'guardian.ts')], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const ready = readyWithin(guardian)
  const exited = new Promise<void>(resolve => guardian.once('exit', () => resolve()))
  // Whoever breaks something waits for it; until then nobody has to.
  ready.catch(() => {})

  // It must not keep the runner alive: our end is what it waits for.
  guardian.unref()
  guardian.channel?.unref()
  guardian.on('error', () => {})

  let nextId = 1
  const tell = (order: GuardianOrder) => guardian.connected && guardian.send(order, () => {})
  const insist = (order: GuardianOrder) => {
    if (!guardian.connected) throw new Error('The guardian has died, and nothing is broken without one')
    tell(order)
  }
  return {
    pid: guardian.pid!,
    ready,
    exited,
    watch: pid => insist({ kind: 'watch', pid }),
    forget: pid => void tell({ kind: 'forget', pid }),
    remember(call) {
      const id = nextId++
      insist({ kind: 'remember', id, call })
      return id
    },
    done: id => void tell({ kind: 'done', id }),
    async dismiss() {
      if (guardian.exitCode !== null || guardian.signalCode !== null) return
      guardian.ref()
      tell({ kind: 'dismiss' })
      await exited
    },
  }
}

async function readyWithin(guardian: ChildProcess): Promise<void> {
  const abandoned = new AbortController()
  const timer = setTimeout(() => abandoned.abort(), READY_WITHIN_MS)
  try {
    await Promise.race([
      once(guardian, 'message', { signal: abandoned.signal }),
      once(guardian, 'exit', { signal: abandoned.signal }).then(([code]) => {
        throw new Error(`exit code ${code}`)
      }),
    ])
  } catch (cause) {
    guardian.kill('SIGKILL')
    throw new Error('The guardian did not start, and nothing is broken without one; start again', { cause })
  } finally {
    clearTimeout(timer)
    abandoned.abort()
  }
}
