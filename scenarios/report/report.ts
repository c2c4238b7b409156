// The report as plain JSON: what a run found, and all that a rendering may read.
// Times inside a run are milliseconds since the load started, unless a name says otherwise.
import type { Guard, Hypothesis, Phase, Scenario } from '../engine/scenario.ts'

export const SCHEMA_VERSION = 1

export type VerdictWord = 'pass' | 'fail' | 'inconclusive' | 'aborted' | 'interrupted' | 'error'

export interface Report {
  schemaVersion: typeof SCHEMA_VERSION
  /** `<scenario>/<time>`, which is also its folder under `reports/`. */
  id: string
  /** ISO 8601. */
  startedAt: string
  finishedAt: string
  /** The command line that runs this again, seed included. */
  command: string
  seed: number
  quick: boolean
  scenario: Scenario
  environment: Environment
  verdict: Verdict
  /** Reasons not to believe a number, each with what to do about it. */
  caveats: Caveat[]
  phases: PhaseWindow[]
  /** In the scenario's order; the first is the one under test. */
  arms: ArmReport[]
  /** What the guards bought: the first arm against the second, phase by phase. One run, so no interval. Empty with one arm. */
  differences: Difference[]
  findings: Finding[]
  probes: Probe[]
  instrument: Instrument
  cleanUp: { proven: boolean; detail: string }
}

export interface Verdict {
  word: VerdictWord
  /** 0 pass · 1 fail · 2 inconclusive · 3 aborted · 4 error · 5 clean-up not proven · 130 interrupted */
  exitCode: number
  /** One sentence of what happened; of a failed run it names the failed objective first. */
  sentence: string
  /** Why it is not a pass, one line each; empty when it is. */
  reasons: string[]
}

export interface Environment {
  leeward: string
  node: string
  platform: string
  cpu: string
  cores: number
  lab: 'local' | 'attached'
  /** `seed` is null where its draws of toxicity and jitter cannot be repeated: the real server ignores its own. */
  toxiproxy: { kind: 'embedded' | 'server'; version: string; seed: number | null }
  upstream: 'sample' | 'yours'
  cache: string
}

export interface Caveat {
  /** Stable, kebab-case. */
  code: string
  text: string
}

export interface PhaseWindow {
  name: string
  role: Phase['role']
  startMs: number
  endMs: number
  faults: FaultWindow[]
}

export interface FaultWindow {
  /** For people: "latency 2000 on answers". */
  label: string
  /** When the proxy had acknowledged it. */
  injectedAtMs: number
  removedAtMs: number
}

/** fresh · cached · stale · shed (the gateway's own 429 or 503) · error · timeout · corrupt · wrong · unsent */
export const OUTCOMES = [
  'fresh',
  'cached',
  'stale',
  'shed',
  'error',
  'timeout',
  'corrupt',
  'wrong',
  'unsent',
] as const
export type Outcome = (typeof OUTCOMES)[number]
export type OutcomeCounts = Record<Outcome, number>

/** A share with how many it is a share of, and its 95 % Wilson interval. `value` is null where `of` is 0. */
export interface Proportion {
  value: number | null
  good: number
  of: number
  interval: [number, number] | null
}

/** Exact percentiles, null where there is no sample. */
export interface Percentiles {
  samples: number
  p50: number | null
  p95: number | null
  p99: number | null
  max: number | null
}

export interface ArmReport {
  name: string
  through: 'gateway' | 'direct'
  guards: Guard[]
  /** The gateway's configuration as it told it, without secrets; empty for a direct arm. */
  settings: Record<string, string>
  phases: ArmPhase[]
  seconds: ArmSecond[]
  breaker: { transitions: BreakerTransition[]; opens: number }
  /** From the first fault put in to the first open after it; null if it never opened or nothing was injected. */
  detectMs: number | null
  /** Null with `recoverWithinMs` set: not within that time. Null with both null: not measured. */
  recoverMs: number | null
  recoverWithinMs: number | null
  /** Gateway process at work, one row each 250 ms; empty for a direct arm. */
  gateway: GatewaySample[]
  /** Ended before the run told it to. */
  exits: number
}

export interface ArmPhase {
  phase: string
  scheduled: number
  outcomes: OutcomeCounts
  goodput: { read: Proportion; write: Proportion }
  /** Reads answered acceptably. */
  served: Percentiles
  /** Every read and write, failures with their full wait. */
  all: Percentiles
  write: Percentiles
  stale: Proportion
  cached: Proportion
  shed: Proportion
  staleAgeMaxMs: number | null
  /** Calls that left the gateway for its upstream, and per client request; null where nobody counted them. */
  upstreamCalls: number | null
  upstreamPerRequest: number | null
  upstreamInFlightMax: number | null
  breakerOpens: number
  /** Null where the upstream does not stamp its answers. */
  corrupt: number | null
  wrong: number | null
  duplicateWrites: number | null
  /** What the way through the gateway added to the same reads sent direct; null without a direct arm. */
  overhead: Overhead | null
}

/** Reads that this arm passed to its upstream, each paired with the same arrival in the direct arm. */
export interface Overhead {
  pairs: number
  /** p95 of these reads here, less p95 of the same reads direct. */
  p95Ms: number
  /** Median of the differences, pair by pair. */
  medianMs: number
}

/** Arrivals due in one second of the run. */
export interface ArmSecond {
  /** Start of the second. */
  atMs: number
  scheduled: number
  outcomes: OutcomeCounts
  goodputRead: number | null
  /** Every request due in this second, in ms. */
  p50: number | null
  p95: number | null
  /** Over the 5 s that end with this second. */
  p99: number | null
}

export interface BreakerTransition {
  atMs: number
  from: 'closed' | 'open' | 'half-open'
  to: 'closed' | 'open' | 'half-open'
  /** The gateway's event-loop lag then. */
  eventLoopLagMs: number
}

export interface GatewaySample {
  atMs: number
  eventLoopLagMs: number
  rssMb: number
  upstreamInFlight: number
}

export interface Difference {
  phase: string
  metric: 'goodput.read' | 'goodput.write' | 'latency.served.p95' | 'latency.all.p95' | 'amplification'
  unit: 'ratio' | 'ms'
  first: number | null
  second: number | null
}

export interface Finding {
  hypothesis: Hypothesis
  unit: 'ratio' | 'ms' | 'count'
  /** Null: not measured, and `note` says why. */
  measured: number | null
  /** 95 %, of a proportion only; describes this run. */
  interval: [number, number] | null
  samples: number
  verdict: 'pass' | 'fail' | 'inconclusive'
  note: string
}

/** A connection straight through the chaos proxy, round the gateway. */
export interface Probe {
  arm: string
  phase: string
  atMs: number
  /** The fault it is about, or "none". */
  fault: string
  /** "at least 2,000 ms", "refused", "answered". */
  expected: string
  observed: string
  /** To the first byte of the answer; left out where there was none. */
  firstByteMs?: number
  bit: boolean
  /** How many probes of one fault, phase and arm have to bite to prove it: `all` where it is left out. */
  needs?: 'all' | 'half' | 'one'
}

/** How late a load generator may send before none of its numbers is to be believed. */
export const LAG_GATE_MS = { p50: 2, p99: 10 } as const

export interface Instrument {
  /** All of it inside its gate: lag within `LAG_GATE_MS`, nothing dropped. */
  valid: boolean
  scheduled: number
  sent: number
  dropped: number
  lagMs: Percentiles
  /** Share of one core that the generator used. */
  cpuShare: number
  /** File beside report.json with one row an observation, or null. */
  observationsFile: string | null
}
