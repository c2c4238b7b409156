// The sample report as other runs would have left it: one arm, cut short, not to be believed, failed, without faults, long.
import type { ArmReport, Finding, Report } from '../../scenarios/report/report.ts'
import { BARE, build, claim, GUARDED, sampleReport, sampleScenario } from './sample-report.ts'

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

function unjudged(finding: Finding, note: string): Finding {
  return { ...finding, measured: null, interval: null, samples: 0, verdict: 'inconclusive', note }
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
