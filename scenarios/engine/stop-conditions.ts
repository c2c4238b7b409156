// What ends a run before its time: a signal, or a scenario's abort condition.
import { epochMs } from './clock.ts'
import type { Ending } from './judge/judge.ts'
import type { LoadDriver } from './load-driver.ts'
import type { RunRecord } from './record.ts'
import { lineOf } from './run-error.ts'
import type { Scenario } from './scenario.ts'

type Abort = Scenario['abort'][number]

/** Watches for the first reason to stop; `ending` tells it, or that there was none. */
export function stopWhen(record: RunRecord, driver: LoadDriver, interrupt: AbortSignal) {
  const stop = new AbortController()
  let ending: Ending = { kind: 'whole' }
  const end = (why: Ending) => {
    if (stop.signal.aborted) return
    ending = why
    stop.abort()
  }
  const onInterrupt = () => end({ kind: 'interrupted', by: String(interrupt.reason) })
  if (interrupt.aborted) onInterrupt()
  interrupt.addEventListener('abort', onInterrupt, { once: true })
  driver.finished.catch(error => end({ kind: 'error', because: lineOf(error) }))
  const watching = setInterval(() => {
    const met = record.scenario.abort.find(condition => isMet(condition, record))
    if (met !== undefined) end({ kind: 'aborted', because: describe(met) })
  }, 250)
  return {
    signal: stop.signal,
    ending: () => ending,
    dispose() {
      clearInterval(watching)
      interrupt.removeEventListener('abort', onInterrupt)
    },
  }
}

/** Every report of the last `forMs` was over the bound, and there was at least one. */
function isMet({ arm: name, watch, above, forMs }: Abort, record: RunRecord): boolean {
  const arm = record.arms.find(({ lab }) => name === undefined || lab.arm.name === name)
  const counts = arm?.gateway?.counts ?? []
  const recent = counts.filter(({ at }) => at >= epochMs() - forMs)
  return (
    recent.length > 0 &&
    recent.every(count => (watch === 'rss-mb' ? count.rssMb : count.eventLoopLagMs) > above)
  )
}

function describe({ claim, arm, watch, above, forMs }: Abort): string {
  return `stop condition${arm === undefined ? '' : ` of ${arm}`}: ${claim} (${watch} above ${above} for ${forMs} ms)`
}
