// The guardian's process: outlives the runner to clean up after it, however it died.
// It is told what to undo and whom to end over IPC (guard-run.ts), and acts when that channel closes.

import { type ControlCall, sendControlCall } from './control-call.ts'
import type { GuardianOrder } from './guard-run.ts'
import { processState } from './process-state.ts'

const UNDO_CALL_MS = 500
const TERM_GRACE_MS = 500
const POLL_MS = 20

const pids = new Map<number, string | null>()
const undoCalls = new Map<number, ControlCall>()

function obey(order: GuardianOrder): void {
  switch (order.kind) {
    case 'watch':
      pids.set(order.pid, processState(order.pid)?.startedAt ?? null)
      break
    case 'forget':
      pids.delete(order.pid)
      break
    case 'remember':
      undoCalls.set(order.id, order.call)
      break
    case 'done':
      undoCalls.delete(order.id)
      break
    case 'dismiss':
      process.exit(0)
  }
}

function isStillOurs([pid, startedAt]: [number, string | null]): boolean {
  const state = processState(pid)
  return state !== null && state.startedAt === startedAt
}

function signalAll(signal: NodeJS.Signals): void {
  for (const entry of pids) {
    if (!isStillOurs(entry)) continue
    try {
      process.kill(entry[0], signal)
    } catch {
      // It ended between the look and the signal.
    }
  }
}

async function allEnded(withinMs: number): Promise<void> {
  const end = performance.now() + withinMs
  while ([...pids].some(isStillOurs) && performance.now() < end) {
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

/** Everything within 2 s: resume, undo (500 ms), ask to end (500 ms), end. */
async function cleanUp(): Promise<void> {
  signalAll('SIGCONT')
  // A server that does not answer is perhaps one of those about to be ended; nothing more can be done.
  await Promise.allSettled([...undoCalls.values()].map(call => sendControlCall(call, UNDO_CALL_MS)))
  signalAll('SIGTERM')
  await allEnded(TERM_GRACE_MS)
  signalAll('SIGKILL')
  process.exit(0)
}

// A Ctrl-C or a closed terminal is the runner's to handle; only the channel's end sets us to work.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('message', (order: GuardianOrder) => obey(order))
process.on('disconnect', cleanUp)
if (process.send === undefined) {
  process.stderr.write('The guardian is started by the runner; it has nothing to do on its own.\n')
  process.exitCode = 1
} else {
  process.send({ ready: true, ports: {} })
}
