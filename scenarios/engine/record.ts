// Everything that is written down while a run goes on.
import type { Child, Exit } from '../../chaos/supervise.ts'
import type { PhaseWindow, Probe } from '../report/report.ts'
import type { Lab, LabArm } from './lab/lab.ts'
import type { LoadInstrument } from './load/messages.ts'
import { ObservationLog } from './load/observation-log.ts'
import type { Plan } from './plan.ts'
import { RunError } from './run-error.ts'
import { GUARDS, type Scenario } from './scenario.ts'
import { SecondBuckets } from './second-buckets.ts'
import { type GatewayRecord, watchGateway } from './watch.ts'

/** One arm while the run goes on. */
export interface ArmInRun {
  lab: LabArm
  observations: ObservationLog
  /** The same, summed up for those who watch. */
  seconds: SecondBuckets
  /** Absent for a direct arm. */
  gateway?: GatewayRecord
  /** Writes that had reached the origin more than once, read at the end of each phase. */
  duplicateWrites: (number | null)[]
  /** Times its gateway's process ended. */
  exits: number
}

export interface RunRecord {
  scenario: Scenario
  seed: number
  startEpochMs: number
  /** Whether the upstream stamps its answers, as the sample service does. */
  isStamped: boolean
  /** How long the gateways call an answer fresh. */
  freshMs: number
  arms: ArmInRun[]
  /** The phases that were begun, with their faults. */
  phases: PhaseWindow[]
  probes: Probe[]
  instrument?: LoadInstrument
  /** Faults that could not be shown to be gone. */
  undoFailures: string[]
  /** Parts of the lab that ended by themselves, other than the gateway under test. */
  losses: string[]
  /** The chaos proxy among them: without it there is nothing left to run. */
  isChaosProxyLost: boolean
  /** Its lease likewise: the faults have gone before their time. */
  isLeaseLost: boolean
  stopWatching(): void
}

/**
 * Starts to write down: follows every gateway's events.
 * @throws RunError when a gateway does not tell its events, or runs other guards than the scenario asks for
 */
export async function beginRecord(lab: Lab, plan: Plan, startEpochMs: number): Promise<RunRecord> {
  const arms = await beginArms(lab, plan)
  const freshMs = arms.find(arm => arm.gateway !== undefined)?.gateway?.hello.freshMs
  let isOver = false
  const record: RunRecord = {
    scenario: plan.scenario,
    seed: plan.options.seed,
    startEpochMs,
    isStamped: plan.options.upstream === undefined,
    freshMs: freshMs ?? 2_000,
    arms,
    phases: [],
    probes: [],
    undoFailures: [],
    losses: [],
    isChaosProxyLost: false,
    isLeaseLost: false,
    stopWatching() {
      isOver = true
      for (const arm of arms) arm.gateway?.close()
    },
  }
  watchParts(lab, record, () => isOver)
  return record
}

/** Whatever ends before the run told it to is written down: a control that is dead proves nothing. */
function watchParts(lab: Lab, record: RunRecord, isOver: () => boolean): void {
  const lose = (what: string) => {
    if (!isOver()) record.losses.push(what)
  }
  const nameExit = ({ name }: Child, { code, signal }: Exit) => `${name} (${signal ?? `exit code ${code}`})`
  record.arms.forEach((arm, index) => {
    const { gateway, origin } = arm.lab
    gateway?.exited.then(exit => {
      if (isOver()) return
      arm.exits++
      if (index > 0) lose(nameExit(gateway, exit))
    })
    origin?.exited.then(exit => lose(nameExit(origin, exit)))
  })
  lab.chaosProxy?.exited.then(exit => {
    record.isChaosProxyLost = !isOver()
    lose(nameExit(lab.chaosProxy as Child, exit))
  })
  lab.lease?.lost.then(why => {
    record.isLeaseLost = !isOver()
    lose(`lease at Toxiproxy, and with it whatever it had put in (${why})`)
  })
  lab.guardian.exited.then(() => lose('guardian, so that nobody would have undone the faults'))
}

/** All arms or none: an event stream left open to somebody else's gateway would keep the runner alive. */
async function beginArms(lab: Lab, plan: Plan): Promise<ArmInRun[]> {
  const begun = await Promise.allSettled(lab.arms.map(arm => beginArm(arm, lab.adminToken)))
  const arms = begun.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  try {
    const failed = begun.find(result => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    if (lab.kind === 'attached') for (const arm of arms) assertAsAsked(arm, plan.scenario.settings)
    return arms
  } catch (error) {
    for (const arm of arms) arm.gateway?.close()
    throw error
  }
}

async function beginArm(lab: LabArm, token: string | undefined): Promise<ArmInRun> {
  const arm: ArmInRun = {
    lab,
    observations: new ObservationLog(),
    seconds: new SecondBuckets(),
    duplicateWrites: [],
    exits: 0,
  }
  return lab.adminUrl === undefined ? arm : { ...arm, gateway: await watchGateway(lab.adminUrl, token) }
}

/** Somebody else's gateway cannot be told what to be: it has to run what the scenario is about. */
function assertAsAsked({ lab: { arm, adminUrl }, gateway }: ArmInRun, settings: Scenario['settings']): void {
  if (gateway === undefined) return
  const asked = arm.guards === 'all' ? GUARDS : arm.guards === 'none' ? [] : arm.guards
  const has = gateway.hello.guards
  if (asked.join() !== has.join()) {
    const list = (guards: readonly string[]) => guards.join(', ') || 'none'
    throw new RunError(
      `arm ${arm.name} asks for the guards ${list(asked)}, and ${adminUrl} runs ${list(has)}: set its GUARDS`,
    )
  }
  for (const [name, wanted] of Object.entries({ ...settings, ...arm.settings })) {
    if (name === 'CACHE' && !has.includes('cache')) continue
    const runs =
      gateway.settings[name.toLowerCase().replaceAll(/_./g, ([, letter]) => `${letter}`.toUpperCase())]
    if (runs === undefined || runs === wanted) continue
    throw new RunError(
      `arm ${arm.name} asks for ${name}=${wanted}, and ${adminUrl} runs ${name}=${runs}: set it there`,
    )
  }
}
