// What a scenario is: plain data, checked by one schema that the types and the published JSON Schema come from.
import { z } from 'zod'
import { faultSchema } from '../../chaos/fault.ts'
import type { GuardName } from '../../src/guards/guard.ts'

/** The eight guards, spelt as they are everywhere: in files, settings, events and reports. */
export const GUARDS = [
  'rate-limit',
  'cache',
  'single-flight',
  'deadline',
  'bulkhead',
  'breaker',
  'retry',
  'attempt-limit',
] as const satisfies readonly GuardName[]

/** What a hypothesis may be about: unit, and meaning. Latencies count from the moment a request was due. */
export const METRICS = {
  'goodput.read': {
    unit: 'ratio',
    meaning: 'reads answered acceptably within the client deadline ÷ reads scheduled',
  },
  'goodput.write': {
    unit: 'ratio',
    meaning: 'writes accepted within the client deadline ÷ writes scheduled',
  },
  'latency.served.p50': { unit: 'ms', meaning: 'median latency of acceptable answers to reads' },
  'latency.served.p95': { unit: 'ms', meaning: '95th percentile latency of acceptable answers to reads' },
  'latency.served.p99': { unit: 'ms', meaning: '99th percentile latency of acceptable answers to reads' },
  'latency.all.p95': {
    unit: 'ms',
    meaning: '95th percentile of every request, failures with their full wait',
  },
  'latency.write.p95': {
    unit: 'ms',
    meaning: '95th percentile of every write, failures with their full wait',
  },
  detect: { unit: 'ms', meaning: 'from the fault put in to the first opening of the breaker' },
  recover: {
    unit: 'ms',
    meaning: 'from the fault removed to the start of the first 2 s that meet the objectives',
  },
  'breaker.opens': { unit: 'count', meaning: 'times the breaker opened' },
  'stale.share': { unit: 'ratio', meaning: 'reads answered from stale cache ÷ reads scheduled' },
  'stale.age.max': { unit: 'ms', meaning: 'age of the oldest answer served' },
  'cached.share': { unit: 'ratio', meaning: 'reads answered from fresh cache ÷ reads scheduled' },
  'shed.share': {
    unit: 'ratio',
    meaning: 'requests refused by the gateway with 429 or 503 ÷ requests scheduled',
  },
  amplification: { unit: 'ratio', meaning: 'calls that left the gateway for its upstream ÷ client requests' },
  'upstream.in-flight.max': {
    unit: 'count',
    meaning: 'most calls in flight from the gateway to its upstream',
  },
  corrupt: { unit: 'count', meaning: 'answers whose body does not match its checksum' },
  wrong: { unit: 'count', meaning: 'whole answers to a question that was not asked' },
  'duplicate.writes': { unit: 'count', meaning: 'writes that reached the origin more than once' },
  'gateway.exits': { unit: 'count', meaning: 'times the gateway process ended during the run' },
  'cache.gain.p95': {
    unit: 'ratio',
    meaning: 'p95 of reads without the cache ÷ p95 of the same reads with it',
  },
  'overhead.p95': {
    unit: 'ms',
    meaning: 'p95 through the gateway, uncached, less p95 of the same reads sent direct',
  },
} as const
export type Metric = keyof typeof METRICS

const metricSchema = z.enum(Object.keys(METRICS) as [Metric, ...Metric[]])
const name = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'lower-case words joined by "-"')
const boundSchema = z.union([z.strictObject({ atLeast: z.number() }), z.strictObject({ atMost: z.number() })])

const armSchema = z.strictObject({
  /** `guarded` and `bare` are the usual two; the first arm is the one under test. */
  name,
  /** `direct` sends the load round the gateway, to the chaos proxy. */
  through: z.enum(['gateway', 'direct']).default('gateway'),
  guards: z.union([z.literal('all'), z.literal('none'), z.array(z.enum(GUARDS))]).default('all'),
  /** Environment of this arm's gateway, over the scenario's own `settings`. */
  settings: z.record(z.string(), z.string()).default({}),
})

const loadSchema = z.strictObject({
  ratePerSecond: z.number().positive().max(20_000).default(200),
  arrivals: z.enum(['poisson', 'uniform']).default('poisson'),
  keys: z.int().min(1).max(1_000_000).default(200),
  zipfExponent: z.number().min(0).max(5).default(1.1),
  readShare: z.number().min(0).max(1).default(0.9),
  clientDeadlineMs: z.int().min(10).max(60_000).default(500),
  readPath: z.string().startsWith('/').default('/proxy/areas/{key}'),
  writePath: z.string().startsWith('/').default('/proxy/areas'),
})

const upstreamSchema = z.strictObject({
  medianMs: z.number().min(0).max(60_000).default(20),
  /** Standard deviation of the logarithm of the service time. */
  sigma: z.number().min(0).max(3).default(0.3),
  /** Requests served at once; 0 is no limit. Those over it wait their turn. */
  capacity: z.int().min(0).default(0),
})

/** The sample service that a scenario gets when it asks for no other. */
export const USUAL_UPSTREAM = upstreamSchema.parse({})

const phaseSchema = z.strictObject({
  name,
  /** warm-up is not judged · baseline is the gate · steady is judged with nothing broken. */
  role: z.enum(['warm-up', 'baseline', 'steady', 'fault', 'recovery']),
  durationMs: z.int().min(500).max(3_600_000),
  /** Length under `--quick`. */
  quickMs: z.int().min(500).max(3_600_000),
  faults: z.array(faultSchema).default([]),
})

/** Shares of a whole; the other ratios, such as amplification, may pass 1. */
export function isShare(metric: Metric): boolean {
  return metric.startsWith('goodput') || metric.endsWith('.share')
}

/** What happens once, or never, in a run: one observation of it is all there can be. */
const SINGLE: readonly Metric[] = ['detect', 'recover', 'gateway.exits']

const hypothesisSchema = z.strictObject({
  claim: z.string().min(10),
  arm: name.default('guarded'),
  phase: name,
  metric: metricSchema,
  bound: boundSchema,
  /** Fewer observations than this and it is not judged: 100 unless said otherwise, 1 of what happens once. */
  leastSamples: z.int().min(0).optional(),
})

type JudgedHypothesis = z.output<typeof hypothesisSchema> & { leastSamples: number }

function withLeastSamples(hypothesis: z.output<typeof hypothesisSchema>): JudgedHypothesis {
  return {
    ...hypothesis,
    leastSamples: hypothesis.leastSamples ?? (SINGLE.includes(hypothesis.metric) ? 1 : 100),
  }
}

const abortSchema = z.strictObject({
  claim: z.string().min(10),
  /** The arm under test, unless another is named. */
  arm: name.optional(),
  watch: z.enum(['event-loop-lag-ms', 'rss-mb']),
  above: z.number().positive(),
  forMs: z.int().min(0).default(2_000),
})

/** The whole of a scenario. Every key that is not named here is an error. */
export const scenarioSchema = z
  .strictObject({
    name,
    question: z.string().endsWith('?'),
    tests: z.array(z.enum(GUARDS)).default([]),
    load: loadSchema.default(loadSchema.parse({})),
    upstream: upstreamSchema.default(USUAL_UPSTREAM),
    /** Environment of every arm's gateway. */
    settings: z.record(z.string(), z.string()).default({}),
    arms: z
      .array(armSchema)
      .min(1)
      .max(4)
      .default([armSchema.parse({ name: 'guarded' }), armSchema.parse({ name: 'bare', guards: 'none' })]),
    phases: z.array(phaseSchema).min(1),
    hypotheses: z.array(hypothesisSchema.transform(withLeastSamples)).min(1),
    abort: z.array(abortSchema).default([
      {
        claim: 'the gateway keeps its event loop turning',
        watch: 'event-loop-lag-ms',
        above: 2_000,
        forMs: 2_000,
      },
      { claim: 'the gateway stays under 1 GB', watch: 'rss-mb', above: 1_000, forMs: 2_000 },
    ]),
    /** Where the expectations come from: an incident report, a paper, an issue. */
    references: z.array(z.string()).default([]),
  })
  .superRefine((scenario, context) => {
    const say = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    const phases = scenario.phases.map(phase => phase.name)
    const arms = scenario.arms.map(arm => arm.name)
    if (new Set(phases).size < phases.length)
      say(['phases'], `each phase needs a name of its own, got ${phases.join(', ')}`)
    if (new Set(arms).size < arms.length)
      say(['arms'], `each arm needs a name of its own, got ${arms.join(', ')}`)
    for (const list of ['hypotheses', 'abort'] as const) {
      scenario[list].forEach((entry, index) => {
        if (entry.arm !== undefined && !arms.includes(entry.arm))
          say([list, index, 'arm'], `no arm "${entry.arm}"; there is ${arms.join(', ')}`)
      })
    }
    scenario.hypotheses.forEach(({ metric, bound }, index) => {
      const limit = 'atLeast' in bound ? bound.atLeast : bound.atMost
      if (isShare(metric) && (limit < 0 || limit > 1)) {
        say(['hypotheses', index, 'bound'], `${metric} is a share from 0 to 1, got ${limit}`)
      }
    })
    scenario.hypotheses.forEach((hypothesis, index) => {
      if (!phases.includes(hypothesis.phase)) {
        say(['hypotheses', index, 'phase'], `no phase "${hypothesis.phase}"; there is ${phases.join(', ')}`)
      }
    })
  })

export type Scenario = z.output<typeof scenarioSchema>
export type ScenarioInput = z.input<typeof scenarioSchema>
export type Phase = Scenario['phases'][number]
export type Arm = Scenario['arms'][number]
export type Hypothesis = Scenario['hypotheses'][number]
export type Load = Scenario['load']
export type Guard = (typeof GUARDS)[number]

/** The usual four phases, with these faults in the third: 5, 10, 15 and 15 s; 3, 4, 6 and 5 s under `--quick`. */
export function usualPhases(faults: z.input<typeof faultSchema>[]): z.input<typeof phaseSchema>[] {
  return [
    { name: 'warm-up', role: 'warm-up', durationMs: 5_000, quickMs: 3_000 },
    { name: 'baseline', role: 'baseline', durationMs: 10_000, quickMs: 4_000 },
    { name: 'fault', role: 'fault', durationMs: 15_000, quickMs: 6_000, faults },
    { name: 'recovery', role: 'recovery', durationMs: 15_000, quickMs: 5_000 },
  ]
}

/** A scenario that does not fit the schema: every problem, one a line, each with its place. */
export class ScenarioError extends Error {
  override name = 'ScenarioError'
}

/**
 * Checks a scenario and fills in what it left out.
 * @throws ScenarioError naming every problem at once
 */
export function defineScenario(input: ScenarioInput): Scenario {
  const result = scenarioSchema.safeParse(input)
  if (result.success) return result.data
  const problems = result.error.issues.map(issue => {
    const path = issue.path.map(String).join('.')
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  throw new ScenarioError(`scenario "${input?.name ?? '?'}" is not valid: ${problems.join('; ')}`)
}
