import { describe, expect, test } from 'vitest'
import { toxic } from '../../../chaos/fault.ts'
import { latency, slicer } from '../../../chaos/toxic.ts'
import { listScenarios } from '../../../scenarios/engine/registry.ts'
import {
  defineScenario,
  GUARDS,
  type ScenarioInput,
  usualPhases,
} from '../../../scenarios/engine/scenario.ts'
import { GUARD_NAMES } from '../../../src/guards/guard.ts'

const valid: ScenarioInput = {
  name: 'a-storm',
  question: 'What happens?',
  phases: usualPhases([toxic(latency({ latencyMs: 100 }))]),
  hypotheses: [
    { claim: 'reads are answered', phase: 'fault', metric: 'goodput.read', bound: { atLeast: 0.9 } },
  ],
}

test('the guards have one spelling, in scenarios and in the gateway', () => {
  expect(GUARDS).toEqual(GUARD_NAMES)
})

describe('a scenario', () => {
  test('gets the usual load, arms and phases where it says nothing', () => {
    const scenario = defineScenario(valid)
    expect(scenario.load.ratePerSecond).toBe(200)
    expect(scenario.arms.map(arm => arm.name)).toEqual(['guarded', 'bare'])
    expect(scenario.phases.map(phase => phase.durationMs)).toEqual([5_000, 10_000, 15_000, 15_000])
    expect(scenario.phases.map(phase => phase.quickMs)).toEqual([3_000, 4_000, 6_000, 5_000])
  })

  test('with an unknown key is refused by its place and name', () => {
    const misspelt = { ...valid, load: { ratePerSecnd: 100 } } as ScenarioInput
    expect(() => defineScenario(misspelt)).toThrow(/load: .*ratePerSecnd/)
  })

  test('with a hypothesis about a phase or an arm that does not exist is refused, and told what there is', () => {
    const hypothesis = valid.hypotheses[0]!
    const lost = { ...valid, hypotheses: [{ ...hypothesis, phase: 'storm', arm: 'naked' }] }
    expect(() => defineScenario(lost)).toThrow(
      /no phase "storm"; there is warm-up, baseline, fault, recovery/,
    )
    expect(() => defineScenario(lost)).toThrow(/no arm "naked"; there is guarded, bare/)
  })

  test('with a toxic that would end a real Toxiproxy is refused', () => {
    const deadly = {
      ...valid,
      phases: usualPhases([toxic(slicer({ averageBytes: 10, variationBytes: 20 }))]),
    }
    expect(() => defineScenario(deadly)).toThrow(/size_variation must be less than average_size/)
    const negative = { ...valid, phases: usualPhases([toxic(latency({ latencyMs: -1 }))]) }
    expect(() => defineScenario(negative)).toThrow(/latency/)
  })

  test('tells every problem at once, in one line', () => {
    const broken = { ...valid, name: 'Not Kebab', question: 'No question mark' }
    const message = (() => {
      try {
        defineScenario(broken)
      } catch (error) {
        return (error as Error).message
      }
      return ''
    })()
    expect(message).toMatch(/name: .*question: /)
    expect(message).not.toContain('\n')
  })

  test('survives being written as JSON and read again', () => {
    const scenario = defineScenario(valid)
    expect(defineScenario(JSON.parse(JSON.stringify(scenario)))).toEqual(scenario)
  })

  test('of the catalogue is valid, and asks a question', async () => {
    const scenarios = await listScenarios()
    expect(scenarios.map(({ name }) => name)).toEqual([
      'baseline-steady',
      'cache-benefit',
      'slow-upstream',
      'upstream-refused',
    ])
  })
})
