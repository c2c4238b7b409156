// A plan: one scenario as it will be run, with what the command line changed in it.
import { RunError } from './run-error.ts'
import { type Arm, defineScenario, type Hypothesis, type Scenario, type ScenarioInput } from './scenario.ts'

/** What the command line may change. Left out means: as the scenario says. */
export interface RunOptions {
  quick: boolean
  oneArm: boolean
  /** Both arms even in front of somebody's own service. */
  control: boolean
  seed: number
  /** Origin of somebody's own service, such as http://localhost:8080. */
  upstream?: string
  /** Path read there; `{key}` stands for a number. */
  path?: string
  cache?: 'off' | 'memory' | 'redis'
  ratePerSecond?: number
  /** A real Toxiproxy's API. */
  toxiproxy?: string
}

export interface Plan {
  scenario: Scenario
  options: RunOptions
  /** What was taken out of the scenario to fit the options, one line each. */
  notes: string[]
}

/**
 * Fits a scenario to the options.
 * @throws RunError where the two cannot go together
 */
export function planRun(original: Scenario, options: RunOptions): Plan {
  const notes: string[] = []
  let scenario = original
  if (options.quick) scenario = withQuickPhases(scenario)
  if (options.ratePerSecond !== undefined) {
    scenario = { ...scenario, load: { ...scenario.load, ratePerSecond: options.ratePerSecond } }
  }
  if (options.cache !== undefined) {
    scenario = { ...scenario, settings: { ...scenario.settings, CACHE: options.cache } }
  }
  if (options.path !== undefined && options.upstream === undefined) {
    throw new RunError('--path names a path of your own service: give it with --upstream URL')
  }
  if (options.upstream !== undefined) scenario = inFrontOfYours(scenario, options, notes)
  if (options.oneArm) scenario = withArms(scenario, scenario.arms.slice(0, 1), notes)
  return { scenario: defineScenario(scenario as ScenarioInput), options, notes }
}

function withQuickPhases(scenario: Scenario): Scenario {
  return { ...scenario, phases: scenario.phases.map(phase => ({ ...phase, durationMs: phase.quickMs })) }
}

/** Somebody's own service is only read, and by one arm, unless both are asked for. */
function inFrontOfYours(scenario: Scenario, options: RunOptions, notes: string[]): Scenario {
  const path = options.path ?? '/'
  if (!/^\/[\x21-\x7e]*$/.test(path)) {
    throw new RunError(`--path must start with "/" and hold no blank or control character, got "${path}"`)
  }
  const readPath = `/proxy${path}`
  const varied = readPath.includes('{key}')
  const load = { ...scenario.load, readPath, readShare: 1, keys: varied ? scenario.load.keys : 1 }
  const reads = withHypotheses(
    { ...scenario, load },
    hypothesis => !/write/.test(hypothesis.metric),
    'writes: your service is only read',
    notes,
  )
  const stamped = withHypotheses(
    reads,
    hypothesis => !/^(corrupt|wrong)$/.test(hypothesis.metric),
    'damaged or mistaken bodies: only the sample service stamps its answers',
    notes,
  )
  const judged = varied
    ? stamped
    : withHypotheses(
        stamped,
        ({ metric, bound }) => metric !== 'detect' && !(metric === 'breaker.opens' && 'atLeast' in bound),
        'how soon the breaker opens: one path, once cached, makes too few calls; vary it with --path "/…/{key}"',
        notes,
      )
  return options.control ? judged : withArms(judged, judged.arms.slice(0, 1), notes)
}

function withArms(scenario: Scenario, arms: Arm[], notes: string[]): Scenario {
  const names = arms.map(arm => arm.name)
  const left = withHypotheses(
    { ...scenario, arms },
    hypothesis => names.includes(hypothesis.arm) && !comparesArms(hypothesis),
    `what needs a second arm: this run has ${names.join(', ')} only`,
    notes,
  )
  return { ...left, abort: left.abort.filter(({ arm }) => arm === undefined || names.includes(arm)) }
}

function comparesArms({ metric }: Hypothesis): boolean {
  return metric === 'cache.gain.p95' || metric === 'overhead.p95'
}

function withHypotheses(
  scenario: Scenario,
  keep: (hypothesis: Hypothesis) => boolean,
  why: string,
  notes: string[],
): Scenario {
  const hypotheses = scenario.hypotheses.filter(keep)
  if (hypotheses.length === scenario.hypotheses.length) return scenario
  notes.push(`not measured: ${why}`)
  return { ...scenario, hypotheses }
}
