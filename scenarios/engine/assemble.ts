// From the record of a run to its report: measure, judge, and say what not to believe.
import { readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { resolve } from 'node:path'
import type { ArmReport, Caveat, Difference, Environment, Instrument, Report } from '../report/report.ts'
import { SCHEMA_VERSION } from '../report/report.ts'
import { epochMs } from './clock.ts'
import { type Ending, judge } from './judge/judge.ts'
import type { CleanUp, Lab } from './lab/lab.ts'
import { sortedByDue } from './load/observation-log.ts'
import { type ArmRecord, measureArm, type RunFacts } from './measure/measure.ts'
import { objectivesOf } from './measure/recovery.ts'
import type { Plan } from './plan.ts'
import type { ArmInRun, RunRecord } from './record.ts'

interface Material {
  plan: Plan
  /** The command line that runs this again, but for the environment. */
  command: string
  env: Readonly<Record<string, string | undefined>>
  lab: Lab
  record: RunRecord
  ending: Ending
  cleanUp: CleanUp
}

/** The whole report of a run, also of one that was cut short. */
export function assembleReport(material: Material): Report {
  const { plan, command, record, ending } = material
  const { scenario } = record
  const startedAt = new Date(record.startEpochMs).toISOString()
  const armRecords = record.arms.map(arm => armRecordOf(arm, record.startEpochMs))
  const facts = factsOf(record, armRecords)
  const arms = armRecords.map(armRecord => measureArm(armRecord, facts))
  const instrument = instrumentOf(record)
  const cleanUp = withUndoFailures(material.cleanUp, record)
  const caveats = caveatsOf(material, arms)
  const { phases, probes, losses } = record
  const { findings, verdict } = judge({
    scenario,
    arms,
    phases,
    probes,
    instrument,
    cleanUp,
    caveats,
    losses,
    ending,
  })
  return {
    schemaVersion: SCHEMA_VERSION,
    id: `${scenario.name}/${startedAt.replaceAll(/[:.]/g, '-')}`,
    startedAt,
    finishedAt: new Date(epochMs()).toISOString(),
    command: [...givenSettings(material.env, armRecords), command].join(' '),
    seed: record.seed,
    quick: plan.options.quick,
    scenario,
    environment: environmentOf(material),
    verdict,
    caveats,
    phases,
    arms,
    differences: differencesOf(arms),
    findings,
    probes,
    instrument,
    cleanUp,
  }
}

/** What the lab sets itself, whatever the caller's environment says. */
const SET_BY_LAB = /^(HOST|PORT|ADMIN_.*|UPSTREAM_URL|UPSTREAM_HOST|REDIS_PREFIX)$/

/** The gateway's settings that the caller's environment gave, as it would be typed before the command. */
function givenSettings(env: Material['env'], arms: ArmRecord[]): string[] {
  const names = Object.keys(arms.find(({ arm }) => arm.through === 'gateway')?.settings ?? {})
    .map(name => name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase())
    .filter(name => !SET_BY_LAB.test(name))
  return names.filter(name => env[name]).map(name => `${name}=${env[name]}`)
}

function armRecordOf(arm: ArmInRun, startEpochMs: number): ArmRecord {
  const { gateway } = arm
  const isInRun = ({ at }: { at: number }) => at >= startEpochMs
  return {
    arm: arm.lab.arm,
    observations: sortedByDue(arm.observations.columns()),
    transitions: (gateway?.transitions ?? []).filter(isInRun).map(({ at, from, to, eventLoopLagMs }) => ({
      atMs: at - startEpochMs,
      from,
      to,
      eventLoopLagMs,
    })),
    // Reports from before the first arrival stay, with a negative time: the first phase is counted from them.
    counts: (gateway?.counts ?? []).map(count => ({ ...count, atMs: count.at - startEpochMs })),
    duplicateWrites: arm.duplicateWrites,
    guards: [...(gateway?.hello.guards ?? [])],
    settings: gateway?.settings ?? {},
    exits: arm.exits,
  }
}

function factsOf(record: RunRecord, arms: ArmRecord[]): RunFacts {
  return {
    phases: record.phases,
    isStamped: record.isStamped,
    clientDeadlineMs: record.scenario.load.clientDeadlineMs,
    objectives: objectivesOf(record.scenario),
    direct: arms.find(({ arm }) => arm.through === 'direct')?.observations ?? null,
  }
}

function instrumentOf({ instrument }: RunRecord): Instrument {
  const observationsFile = 'observations.csv.gz'
  if (instrument === undefined) {
    const nothing = { samples: 0, p50: null, p95: null, p99: null, max: null }
    return { valid: false, scheduled: 0, sent: 0, dropped: 0, lagMs: nothing, cpuShare: 0, observationsFile }
  }
  const { isValid, scheduled, sent, dropped, lagMs, cpuShare } = instrument
  return { valid: isValid, scheduled, sent, dropped, lagMs, cpuShare, observationsFile }
}

function withUndoFailures(cleanUp: CleanUp, { undoFailures }: RunRecord): CleanUp {
  if (undoFailures.length === 0) return cleanUp
  const detail = [...undoFailures, ...(cleanUp.proven ? [] : [cleanUp.detail])].join('; ')
  return { proven: false, detail }
}

/** Loop lag over this in a gateway means that its own lateness stands in the figures. */
const LOOP_LAG_MS = 250

function caveatsOf({ plan, record, ending }: Material, arms: ArmReport[]): Caveat[] {
  const caveats: Caveat[] = plan.notes.map(text => ({ code: 'not-measured', text }))
  if (ending.kind !== 'whole') {
    caveats.push({ code: 'cut-short', text: 'the run did not reach its end: figures cover what there was' })
  }
  if ((record.instrument?.unaskedKeys ?? 0) > 0) {
    caveats.push({
      code: 'cold-keys',
      text: `${record.instrument?.unaskedKeys} keys were never read before the baseline: lengthen the warm-up, or lower keys`,
    })
  }
  for (const arm of arms) {
    const worst = Math.max(0, ...arm.gateway.map(({ eventLoopLagMs }) => eventLoopLagMs))
    if (worst > LOOP_LAG_MS) {
      caveats.push({
        code: 'gateway-late',
        text: `the event loop of gateway ${arm.name} was up to ${Math.round(worst)} ms late: give the machine fewer things to do`,
      })
    }
  }
  for (const { lab, gateway } of record.arms) {
    if (gateway?.isCutShort) {
      caveats.push({
        code: 'events-lost',
        text: `gateway ${lab.arm.name} stopped telling its events before the end`,
      })
    }
  }
  return caveats
}

function environmentOf({ plan, lab, record }: Material): Environment {
  return {
    leeward: version(),
    node: process.version,
    platform: `${process.platform} ${release()} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    lab: lab.kind,
    toxiproxy: {
      kind: lab.toxiproxyKind,
      version: lab.toxiproxyVersion,
      seed: lab.chaosProxy === undefined ? null : record.seed,
    },
    upstream: plan.options.upstream === undefined ? 'sample' : 'yours',
    cache: record.arms.find(arm => arm.gateway)?.gateway?.hello.cache ?? 'off',
  }
}

function version(): string {
  const file = resolve(import.meta.dirname, '../../package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** The first arm against the second, phase by phase. */
function differencesOf([first, second]: ArmReport[]): Difference[] {
  if (first === undefined || second === undefined) return []
  return first.phases.flatMap((phase, index) => {
    const other = second.phases[index]
    if (other === undefined) return []
    const row = (
      metric: Difference['metric'],
      unit: Difference['unit'],
      a: number | null,
      b: number | null,
    ) => ({
      phase: phase.phase,
      metric,
      unit,
      first: a,
      second: b,
    })
    return [
      row('goodput.read', 'ratio', phase.goodput.read.value, other.goodput.read.value),
      row('goodput.write', 'ratio', phase.goodput.write.value, other.goodput.write.value),
      row('latency.served.p95', 'ms', phase.served.p95, other.served.p95),
      row('latency.all.p95', 'ms', phase.all.p95, other.all.p95),
      row('amplification', 'ratio', phase.upstreamPerRequest, other.upstreamPerRequest),
    ]
  })
}
