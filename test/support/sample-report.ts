// A made-up but plausible report: what a 45 s `slow-upstream` run looks like, from a seed. Test data, never shown as a result.
import { defineScenario, type ScenarioInput } from '../../scenarios/engine/scenario.ts'
import type { ArmReport, Finding, PhaseWindow, Probe, Report } from '../../scenarios/report/report.ts'
import { type ArmPlan, sampleArm } from './sample-arm.ts'

/** The scenario of the sample: the upstream answers 2 s late for the length of the third phase. */
export const sampleScenario: ScenarioInput = {
  name: 'slow-upstream',
  question: 'What do users see while every answer of the upstream comes 2 s late?',
  tests: ['cache', 'deadline', 'breaker', 'attempt-limit'],
  phases: [
    { name: 'warm-up', role: 'warm-up', durationMs: 5_000, quickMs: 3_000 },
    { name: 'baseline', role: 'baseline', durationMs: 10_000, quickMs: 4_000 },
    {
      name: 'fault',
      role: 'fault',
      durationMs: 15_000,
      quickMs: 6_000,
      faults: [
        {
          kind: 'toxic',
          toxic: {
            type: 'latency',
            name: 'latency_downstream',
            stream: 'downstream',
            toxicity: 1,
            attributes: { latency: 2_000, jitter: 0 },
          },
        },
      ],
    },
    { name: 'recovery', role: 'recovery', durationMs: 15_000, quickMs: 5_000 },
  ],
  hypotheses: [
    claim('nearly every read is answered in time', 'fault', 'goodput.read', { atLeast: 0.95 }),
    claim('what is served is served quickly', 'fault', 'latency.served.p95', { atMost: 450 }),
    claim('the breaker opens within 2 s', 'fault', 'detect', { atMost: 2_000 }, 0),
    claim('users are well again within 4 s', 'recovery', 'recover', { atMost: 4_000 }, 0),
    claim('the breaker stays closed while all is well', 'baseline', 'breaker.opens', { atMost: 0 }, 0),
    claim('no answer is corrupt', 'fault', 'corrupt', { atMost: 0 }, 0),
  ],
}

function claim(
  text: string,
  phase: string,
  metric: ScenarioInput['hypotheses'][number]['metric'],
  bound: ScenarioInput['hypotheses'][number]['bound'],
  leastSamples = 100,
): ScenarioInput['hypotheses'][number] {
  return { claim: text, phase, metric, bound, leastSamples }
}

const GUARDED: ArmPlan = { name: 'guarded', kind: 'guarded', seed: 42 }
const BARE: ArmPlan = { name: 'bare', kind: 'bare', seed: 43 }

/** The whole run: guarded and bare, a pass. `change` edits a copy of it. */
export function sampleReport(change: (report: Report) => void = () => {}): Report {
  const report = build(sampleScenario, [GUARDED, BARE])
  change(report)
  return report
}

/** The first arm alone. */
export function oneArmReport(): Report {
  return build({ ...sampleScenario, arms: [{ name: 'guarded' }] }, [GUARDED])
}

/** Stopped with Ctrl-C 4 s into the fault. */
export function interruptedReport(): Report {
  const report = sampleReport()
  const endMs = 19_000
  report.phases = report.phases.filter(phase => phase.startMs < endMs)
  for (const phase of report.phases) {
    phase.endMs = Math.min(phase.endMs, endMs)
    for (const fault of phase.faults) fault.removedAtMs = Math.min(fault.removedAtMs, endMs)
  }
  for (const arm of report.arms) {
    arm.phases = arm.phases.filter(({ phase }) => phase !== 'recovery')
    arm.seconds = arm.seconds.filter(second => second.atMs < endMs)
    arm.gateway = arm.gateway.filter(sample => sample.atMs < endMs)
    arm.breaker.transitions = arm.breaker.transitions.filter(({ atMs }) => atMs < endMs)
    arm.recoverMs = null
    arm.recoverWithinMs = null
  }
  report.findings = report.findings.map(finding =>
    finding.hypothesis.phase === 'recovery' ? unjudged(finding, 'the run ended before recovery') : finding,
  )
  report.verdict = {
    word: 'interrupted',
    exitCode: 130,
    sentence: 'Interrupted after 19 s, 4 s into the fault; what was measured until then is below.',
    reasons: ['the run was interrupted by SIGINT'],
  }
  return report
}

/** A run whose generator was late, whose fault bit once in two, and which nobody could measure properly. */
export function inconclusiveReport(): Report {
  const report = sampleReport()
  report.instrument = { ...report.instrument, valid: false, dropped: 41 }
  report.instrument.lagMs = { samples: 8_983, p50: 1.9, p95: 14, p99: 31, max: 88 }
  report.probes = report.probes.map((probe, index) =>
    index % 2 === 0 ? probe : { ...probe, observed: '21 ms', bit: false },
  )
  report.findings = report.findings.map(finding => unjudged(finding, 'no sample'))
  for (const arm of report.arms) blank(arm)
  for (const difference of report.differences) Object.assign(difference, { first: null, second: null })
  report.caveats = [{ code: 'lag', text: 'The load generator ran late: close other programs and run again.' }]
  report.verdict = {
    word: 'inconclusive',
    exitCode: 2,
    sentence:
      'Inconclusive: the load generator ran late (lag p99 31 ms, at most 10 ms), so no number here is to be believed.',
    reasons: ['lag p99 31 ms is over its gate of 10 ms', '41 requests were never sent'],
  }
  return report
}

/** A run that failed before the first request: nothing was measured at all. */
export function failedReport(): Report {
  return sampleReport(report => {
    Object.assign(report, { phases: [], arms: [], differences: [], findings: [], probes: [], caveats: [] })
    report.instrument = {
      valid: false,
      scheduled: 0,
      sent: 0,
      dropped: 0,
      lagMs: { samples: 0, p50: null, p95: null, p99: null, max: null },
      cpuShare: 0,
      observationsFile: null,
    }
    report.verdict = {
      word: 'error',
      exitCode: 4,
      sentence: 'The lab did not start: port 8666 is in use.',
      reasons: ['free port 8666, or run without --toxiproxy'],
    }
  })
}

/** No fault, three arms: with the cache, without it, and straight to the upstream. */
export function cacheBenefitReport(): Report {
  const phases = sampleScenario.phases.filter(phase => phase.role !== 'fault' && phase.role !== 'recovery')
  return build(
    {
      name: 'cache-benefit',
      question: 'Does the cache make reads faster, and what does the gateway cost on the way?',
      tests: ['cache'],
      phases,
      arms: [
        { name: 'cached' },
        { name: 'uncached', guards: ['deadline', 'breaker'] },
        { name: 'direct', through: 'direct', guards: 'none' },
      ],
      abort: [],
      hypotheses: [
        { ...claim('the cache halves p95', 'baseline', 'cache.gain.p95', { atLeast: 1.1 }), arm: 'cached' },
        { ...claim('the gateway costs little', 'baseline', 'overhead.p95', { atMost: 20 }), arm: 'uncached' },
      ],
    },
    [
      { name: 'cached', kind: 'guarded', seed: 7 },
      { name: 'uncached', kind: 'uncached', seed: 7 },
      { name: 'direct', kind: 'direct', seed: 7 },
    ],
  )
}

/** Four arms for 10 minutes under a name as long as a name gets. */
export function longReport(): Report {
  const times = [60_000, 120_000, 240_000, 180_000]
  return build(
    {
      ...sampleScenario,
      name: `a-${'very-long-'.repeat(9)}name`,
      phases: sampleScenario.phases.map((phase, index) => ({ ...phase, durationMs: times[index] ?? 1_000 })),
      arms: ['guarded', 'bare', 'no-cache', 'no-breaker'].map(name => ({ name })),
    },
    [
      GUARDED,
      BARE,
      { name: 'no-cache', kind: 'uncached', seed: 3 },
      { name: 'no-breaker', kind: 'bare', seed: 4 },
    ],
  )
}

function build(input: ScenarioInput, plans: ArmPlan[]): Report {
  const scenario = defineScenario(input)
  let clockMs = 0
  const phases: PhaseWindow[] = scenario.phases.map(({ name, role, durationMs, faults }) => {
    const [startMs, endMs] = [clockMs, clockMs + durationMs]
    clockMs = endMs
    const window = { label: 'latency 2000 on answers', injectedAtMs: startMs + 11, removedAtMs: endMs + 14 }
    return { name, role, startMs, endMs, faults: faults.map(() => window) }
  })
  const arms = plans.map(plan => sampleArm(plan, phases, scenario.load.ratePerSecond))
  return {
    schemaVersion: 1,
    id: `${scenario.name}/2026-11-23T12-31-07Z`,
    startedAt: '2026-11-23T12:31:07.412Z',
    finishedAt: '2026-11-23T12:31:54.020Z',
    command: `npm run scenario -- ${scenario.name} --seed 42`,
    seed: 42,
    quick: false,
    scenario,
    environment: {
      leeward: '0.1.0',
      node: 'v26.10.0',
      platform: 'linux x64',
      cpu: 'Example CPU @ 2.40 GHz',
      cores: 2,
      lab: 'local',
      toxiproxy: { kind: 'embedded', version: '0.1.0' },
      upstream: 'sample',
      cache: 'memory',
    },
    verdict: {
      word: 'pass',
      exitCode: 0,
      sentence:
        'With its guards the gateway answered 98 % of reads in time while every answer came 2 s late, without them 3 %; it was well again 1.3 s after the fault had gone.',
      reasons: [],
    },
    caveats: [{ code: 'one-run', text: 'One run: compare two settings only over repeated pairs.' }],
    phases,
    arms,
    differences: differencesOf(arms),
    findings: scenario.hypotheses.map(hypothesis => findingOf(hypothesis, arms)),
    probes: plans.flatMap(plan => probesOf(plan, phases)),
    instrument: {
      valid: true,
      scheduled: sum(arms[0]?.seconds.map(second => second.scheduled) ?? []),
      sent: sum(arms[0]?.seconds.map(second => second.scheduled) ?? []),
      dropped: 0,
      lagMs: { samples: 8_983, p50: 0.6, p95: 1.4, p99: 2.1, max: 7.2 },
      cpuShare: 0.14,
      observationsFile: 'observations.ndjson.gz',
    },
    cleanUp: { proven: true, detail: 'no toxic left, every child has ended' },
  }
}

function differencesOf([first, second]: ArmReport[]): Report['differences'] {
  if (first === undefined || second === undefined) return []
  return first.phases.flatMap((phase, index) => {
    const other = second.phases[index]
    return [
      difference(phase.phase, 'goodput.read', 'ratio', phase.goodput.read.value, other?.goodput.read.value),
      difference(
        phase.phase,
        'goodput.write',
        'ratio',
        phase.goodput.write.value,
        other?.goodput.write.value,
      ),
      difference(phase.phase, 'latency.served.p95', 'ms', phase.served.p95, other?.served.p95),
      difference(phase.phase, 'latency.all.p95', 'ms', phase.all.p95, other?.all.p95),
      difference(phase.phase, 'amplification', 'ratio', phase.upstreamPerRequest, other?.upstreamPerRequest),
    ]
  })
}

function difference(
  phase: string,
  metric: Report['differences'][number]['metric'],
  unit: 'ratio' | 'ms',
  first: number | null,
  second: number | null | undefined,
): Report['differences'][number] {
  return { phase, metric, unit, first, second: second ?? null }
}

function findingOf(hypothesis: Finding['hypothesis'], arms: ArmReport[]): Finding {
  const arm = arms.find(({ name }) => name === hypothesis.arm)
  const phase = arm?.phases.find(({ phase: name }) => name === hypothesis.phase)
  const { metric, bound } = hypothesis
  const read = phase?.goodput.read ?? null
  const [measured, unit, samples]: [number | null, Finding['unit'], number] =
    metric === 'goodput.read'
      ? [read?.value ?? null, 'ratio', read?.of ?? 0]
      : metric === 'latency.served.p95'
        ? [phase?.served.p95 ?? null, 'ms', phase?.served.samples ?? 0]
        : metric === 'detect'
          ? [arm?.detectMs ?? null, 'ms', 1]
          : metric === 'recover'
            ? [arm?.recoverMs ?? null, 'ms', 1]
            : metric === 'cache.gain.p95'
              ? [1.31, 'ratio', 1_804]
              : metric === 'overhead.p95'
                ? [2.4, 'ms', 1_804]
                : [0, 'count', 1]
  const holds =
    measured !== null && ('atLeast' in bound ? measured >= bound.atLeast : measured <= bound.atMost)
  const interval = metric === 'goodput.read' ? (read?.interval ?? null) : null
  const verdict = measured === null ? 'inconclusive' : holds ? 'pass' : 'fail'
  return { hypothesis, unit, measured, interval, samples, verdict, note: '' }
}

function unjudged(finding: Finding, note: string): Finding {
  return { ...finding, measured: null, interval: null, samples: 0, verdict: 'inconclusive', note }
}

function probesOf({ name }: ArmPlan, phases: PhaseWindow[]): Probe[] {
  return phases.flatMap(phase =>
    phase.faults.flatMap(({ label, injectedAtMs, removedAtMs }) =>
      [500, 6_000, 11_000]
        .map(offset => injectedAtMs + offset)
        .filter(atMs => atMs < removedAtMs)
        .map((atMs, index) => ({
          arm: name,
          phase: phase.name,
          atMs,
          fault: label,
          expected: 'at least 2,000 ms',
          observed: `2,0${String(4 + index * 3).padStart(2, '0')} ms`,
          bit: true,
        })),
    ),
  )
}

function blank(arm: ArmReport): void {
  const nothing = { value: null, good: 0, of: 0, interval: null }
  const none = { samples: 0, p50: null, p95: null, p99: null, max: null }
  arm.phases = arm.phases.map(phase => ({
    ...phase,
    goodput: { read: nothing, write: nothing },
    served: none,
    all: none,
    write: none,
    stale: nothing,
    cached: nothing,
    shed: nothing,
    staleAgeMaxMs: null,
    upstreamCalls: null,
    upstreamPerRequest: null,
    upstreamInFlightMax: null,
    corrupt: null,
    wrong: null,
    duplicateWrites: null,
  }))
  arm.seconds = arm.seconds.map(second => ({ ...second, goodputRead: null, p50: null, p95: null, p99: null }))
  Object.assign(arm, { detectMs: null, recoverMs: null, recoverWithinMs: null, gateway: [] })
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
