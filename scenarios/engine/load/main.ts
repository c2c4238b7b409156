// The load generator as a process of its own, so that it measures the gateway and not itself.
// It is driven over IPC: messages.ts says how. Started with serialization "advanced".
import type { FromLoad, ToLoad } from './messages.ts'
import { type RunningLoad, runLoad } from './run-load.ts'

if (process.send === undefined) {
  process.stderr.write('The load generator is started by the scenario runner, not by hand.\n')
  process.exit(1)
}

const say = (message: FromLoad | { ready: true; ports: Record<string, never> }) => process.send?.(message)
let load: RunningLoad | null = null

process.on('message', (message: ToLoad) => {
  if (message.type === 'start' && load === null) load = runLoad(message.plan, say)
  if (message.type === 'stop') load?.stop()
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())

say({ ready: true, ports: {} })
