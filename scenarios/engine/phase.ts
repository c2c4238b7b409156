// One phase: put its faults in, wait, take them out again whatever happens.
import { describeFault, type Fault } from '../../chaos/fault.ts'
import { type Injection, inject } from '../../chaos/inject.ts'
import type { FaultWindow } from '../report/report.ts'
import { epochMs, waitUntil } from './clock.ts'
import { type Lab, type LabArm, pathIn } from './lab/lab.ts'
import { probeOnce } from './probe.ts'
import type { RunRecord } from './record.ts'
import { lineOf } from './run-error.ts'
import type { Phase } from './scenario.ts'

const PROBE_EVERY_MS = 1_000

/** Holds one phase until its time is up or `stop` aborts, and writes its window down. */
export async function holdPhase(phase: Phase, lab: Lab, record: RunRecord, stop: AbortSignal): Promise<void> {
  const startMs = record.phases.at(-1)?.endMs ?? 0
  const window = {
    name: phase.name,
    role: phase.role,
    startMs,
    endMs: startMs + phase.durationMs,
    faults: [] as FaultWindow[],
  }
  const now = () => epochMs() - record.startEpochMs
  const injected: Injection[] = []
  const probing = new AbortController()
  await waitUntil(record.startEpochMs + startMs, stop)
  record.phases.push(window)
  let isWhole = false
  try {
    await injectAll(phase, lab, injected)
    window.faults = phase.faults.map(fault => ({
      label: describeFault(fault),
      injectedAtMs: Math.max(...injected.map(({ acknowledgedAt }) => acknowledgedAt)) - record.startEpochMs,
      removedAtMs: window.endMs,
    }))
    for (const arm of lab.arms) void keepProbing(phase, arm, record, probing.signal)
    await waitUntil(record.startEpochMs + window.endMs, stop)
    isWhole = !stop.aborted
  } finally {
    probing.abort()
    const failures = await undoAll(injected)
    // A fault lives in the process of the embedded proxy and dies with it.
    if (!record.isChaosProxyLost) record.undoFailures.push(...failures)
    for (const fault of window.faults) fault.removedAtMs = now()
    if (!isWhole) window.endMs = Math.max(startMs, Math.min(window.endMs, now()))
    void readDuplicates(record, record.phases.length - 1)
  }
}

/** Waits for every injection, even when one has failed: a late one must not slip in behind the undoing. */
async function injectAll(phase: Phase, lab: Lab, injected: Injection[]): Promise<void> {
  const results = await Promise.allSettled(
    phase.faults.flatMap(fault => lab.arms.map(arm => injectInto(arm, fault, lab, injected))),
  )
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Undoes everything, each whatever becomes of the others; returns what could not be undone. */
async function undoAll(injected: Injection[]): Promise<string[]> {
  const results = await Promise.allSettled(injected.map(({ undo }) => undo()))
  return results.filter(result => result.status === 'rejected').map(({ reason }) => lineOf(reason))
}

async function injectInto(arm: LabArm, fault: Fault, lab: Lab, injected: Injection[]): Promise<void> {
  injected.push(
    await inject(fault, {
      toxiproxy: lab.toxiproxy,
      proxyName: arm.entry,
      guardian: lab.guardian,
      processes: {
        ...(arm.gateway === undefined ? {} : { gateway: arm.gateway }),
        ...(arm.origin === undefined ? {} : { origin: arm.origin }),
      },
    }),
  )
}

/** Probes one arm in the phases whose faults must be proven, and in the baseline, which shows that probes can tell. */
async function keepProbing(phase: Phase, arm: LabArm, record: RunRecord, signal: AbortSignal): Promise<void> {
  if (phase.role !== 'baseline' && phase.faults.length === 0) return
  for (let turn = 0; !signal.aborted; turn++) {
    const fault = phase.faults[turn % Math.max(1, phase.faults.length)]
    const url = probeUrl(arm, fault, record)
    const due = epochMs() + PROBE_EVERY_MS
    const { name } = arm.arm
    const calmMs = longestBefore(record, name)
    const { startEpochMs } = record
    const probe = await probeOnce(
      { arm: name, phase: phase.name, url, host: arm.host, fault, calmMs, startEpochMs },
      signal,
    )
    if (probe !== null) record.probes.push(probe)
    await waitUntil(due, signal)
  }
}

/** Of the arm's probes with no fault in, the longest time to an answer. */
function longestBefore({ probes }: RunRecord, arm: string): number | undefined {
  const calm = probes.flatMap(probe =>
    probe.arm === arm && probe.fault === 'none' && probe.firstByteMs !== undefined ? [probe.firstByteMs] : [],
  )
  return calm.length === 0 ? undefined : Math.max(...calm)
}

function probeUrl(arm: LabArm, fault: Fault | undefined, record: RunRecord): string {
  if (fault?.kind === 'pause' && fault.target === 'gateway') return `${arm.loadUrl}/health`
  // A short body shows nothing of a toxic that works on bytes.
  if (record.isStamped && isAboutBytes(fault)) return `${arm.entryUrl}/areas?limit=100`
  const path = pathIn({ ...arm.arm, through: 'direct' }, record.scenario.load.readPath)
  return `${arm.entryUrl}${path.replaceAll('{key}', '1')}`
}

function isAboutBytes(fault: Fault | undefined): boolean {
  return (
    fault?.kind === 'toxic' &&
    ['bandwidth', 'bandwidth_shared', 'slicer', 'limit_data'].includes(fault.toxic.type)
  )
}

async function readDuplicates(record: RunRecord, phase: number): Promise<void> {
  await Promise.all(
    record.arms.map(async arm => {
      if (arm.lab.originUrl === undefined) return
      const response = await fetch(`${arm.lab.originUrl}/stats`, { signal: AbortSignal.timeout(1_000) })
      const stats = (await response.json()) as { duplicateWrites: number }
      arm.duplicateWrites[phase] = stats.duplicateWrites
    }),
  ).catch(() => {})
}
