// What ends a run before its time: a signal, or a scenario's abort condition.
import type { CountsEvent } from '../../src/telemetry/events.ts'
import { epochMs } from './clock.ts'
import type { Ending } from './judge/judge.ts'
import type { LoadDriver } from './load-driver.ts'
import type { RunRecord } from './record.ts'
import { lineOf } from './run-error.ts'
import type { Scenario } from './scenario.ts'

type Abort = Scenario['abort'][number]

/** As often as a gateway reports. */
const LOOK_EVERY_MS = 250

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
    if (record.isChaosProxyLost || record.isLeaseLost)
      end({ kind: 'error', because: `the lab lost its ${record.losses.join(', ')}` })
    const met = record.scenario.abort.find(condition => isMet(condition, record))
    if (met !== undefined) end({ kind: 'aborted', because: describe(met) })
  }, LOOK_EVERY_MS)
  return {
    signal: stop.signal,
    ending: () => ending,
    dispose() {
      clearInterval(watching)
      interrupt.removeEventListener('abort', onInterrupt)
    },
  }
}

/** The newest reports, back to the last good one, span `forMs`; a gateway that says nothing is as late as its silence. */
function isMet({ arm: name, watch, above, forMs }: Abort, record: RunRecord): boolean {
  const arm = record.arms.find(({ lab }) => name === undefined || lab.arm.name === name)
  const counts = arm?.gateway?.counts ?? []
  const last = counts.at(-1)
  if (last === undefined || arm?.exits !== 0 || isPausedByUs(record)) return false
  const silentMs = epochMs() - last.at
  const isOver = (count: CountsEvent) => (watch === 'rss-mb' ? count.rssMb : count.eventLoopLagMs) > above
  if (watch === 'event-loop-lag-ms' && silentMs > above + forMs) return true
  const firstOver = counts[counts.findLastIndex(count => !isOver(count)) + 1]
  return firstOver !== undefined && last.at - firstOver.at + LOOK_EVERY_MS >= forMs
}

/** A gateway that the scenario itself pauses is late by intent, and for a while after. */
function isPausedByUs({ scenario }: RunRecord): boolean {
  return scenario.phases.some(({ faults }) =>
    faults.some(fault => fault.kind === 'pause' && fault.target === 'gateway'),
  )
}

function describe({ claim, arm, watch, above, forMs }: Abort): string {
  return `stop condition${arm === undefined ? '' : ` of ${arm}`}: ${claim} (${watch} above ${above} for ${forMs} ms)`
}
