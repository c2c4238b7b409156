import { describe, expect, test } from 'vitest'
import cacheBenefit from '../../../scenarios/cache-benefit.ts'
import { planRun, type RunOptions } from '../../../scenarios/engine/plan.ts'
import slowUpstream from '../../../scenarios/slow-upstream.ts'

const options: RunOptions = { quick: false, oneArm: false, control: false, seed: 1 }

describe('a plan', () => {
  test('without options is the scenario as it stands', () => {
    expect(planRun(slowUpstream, options)).toEqual({ scenario: slowUpstream, options, notes: [] })
  })

  test('that is quick lasts 18 s instead of 45', () => {
    const sum = (quick: boolean) =>
      planRun(slowUpstream, { ...options, quick }).scenario.phases.reduce(
        (all, phase) => all + phase.durationMs,
        0,
      )
    expect([sum(false), sum(true)]).toEqual([45_000, 18_000])
  })

  test('of one arm judges nothing of the other', () => {
    const { scenario } = planRun(slowUpstream, { ...options, oneArm: true })
    expect(scenario.arms.map(arm => arm.name)).toEqual(['guarded'])
    expect(scenario.hypotheses.some(({ arm }) => arm === 'bare')).toBe(false)
  })

  test('of one arm says that a comparison was not measured', () => {
    const { scenario, notes } = planRun(cacheBenefit, { ...options, oneArm: true })
    expect(scenario.hypotheses.some(({ metric }) => metric === 'cache.gain.p95')).toBe(false)
    expect(notes.join()).toContain('second arm')
  })

  test("in front of somebody's own service only reads, with one arm, and says what it cannot measure", () => {
    const { scenario, notes } = planRun(slowUpstream, {
      ...options,
      upstream: 'http://localhost:8080',
      path: '/things/{key}',
    })
    expect(scenario.load.readShare).toBe(1)
    expect(scenario.load.readPath).toBe('/proxy/things/{key}')
    expect(scenario.arms).toHaveLength(1)
    expect(scenario.hypotheses.map(({ metric }) => metric)).not.toContain('corrupt')
    expect(scenario.hypotheses.map(({ metric }) => metric)).not.toContain('latency.write.p95')
    expect(notes.join()).toMatch(/writes.*stamps/)
  })

  test("keeps both arms in front of somebody's own service only when it is asked to", () => {
    const yours = { ...options, upstream: 'http://localhost:8080', control: true }
    expect(planRun(slowUpstream, yours).scenario.arms).toHaveLength(2)
  })

  test('with a path but no service to find it on is refused', () => {
    expect(() => planRun(slowUpstream, { ...options, path: '/areas' })).toThrow(/--upstream/)
  })
})
