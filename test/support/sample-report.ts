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

/** A hypothesis in one line. */
export function claim(
  text: string,
  phase: string,
  metric: ScenarioInput['hypotheses'][number]['metric'],
  bound: ScenarioInput['hypotheses'][number]['bound'],
  leastSamples = 100,
): ScenarioInput['hypotheses'][number] {
  return { claim: text, phase, metric, bound, leastSamples }
}

export const GUARDED: ArmPlan = { name: 'guarded', kind: 'guarded', seed: 42 }
export const BARE: ArmPlan = { name: 'bare', kind: 'bare', seed: 43 }

/** The whole run: guarded and bare, a pass. `change` edits a copy of it. */
export function sampleReport(change: (report: Report) => void = () => {}): Report {
  const report = build(sampleScenario, [GUARDED, BARE])
  change(report)
  return report
}

/** A report of these arms under this scenario. */
export function build(input: ScenarioInput, plans: ArmPlan[]): Report {
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
      toxiproxy: { kind: 'embedded', version: '2.12.0', seed: 1 },
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
  const read = phase?.goodput.read
  const once = (value: number | null | undefined, unit: Finding['unit'], samples = 1) => ({
    value,
    unit,
    samples,
  })
  const known: Partial<Record<string, ReturnType<typeof once>>> = {
    'goodput.read': once(read?.value, 'ratio', read?.of),
    'latency.served.p95': once(phase?.served.p95, 'ms', phase?.served.samples),
    detect: once(arm?.detectMs, 'ms'),
    recover: once(arm?.recoverMs, 'ms'),
    'cache.gain.p95': once(1.31, 'ratio', 1_804),
    'overhead.p95': once(2.4, 'ms', 1_804),
  }
  const { value, unit, samples } = known[metric] ?? once(0, 'count')
  const measured = value ?? null
  const holds =
    measured !== null && ('atLeast' in bound ? measured >= bound.atLeast : measured <= bound.atMost)
  const interval = metric === 'goodput.read' ? (read?.interval ?? null) : null
  const verdict = measured === null ? 'inconclusive' : holds ? 'pass' : 'fail'
  return { hypothesis, unit, measured, interval, samples, verdict, note: '' }
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

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
