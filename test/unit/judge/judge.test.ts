import { describe, expect, test } from 'vitest'
import { describeFault } from '../../../chaos/fault.ts'
import { type Evidence, judge, judgeHypothesis } from '../../../scenarios/engine/judge/judge.ts'
import type { Hypothesis } from '../../../scenarios/engine/scenario.ts'
import { sampleReport } from '../../support/sample-report.ts'

/** The evidence of a made-up run that passes. */
function evidence(overrides: Partial<Evidence> = {}): Evidence {
  const { scenario, arms, phases, instrument, cleanUp, caveats, ...report } = sampleReport()
  const [fault] = scenario.phases.flatMap(phase => phase.faults)
  const probes = report.probes.map(probe =>
    probe.fault === 'none' ? probe : { ...probe, fault: describeFault(fault!) },
  )
  return {
    scenario,
    arms,
    phases,
    probes,
    instrument,
    cleanUp,
    caveats,
    losses: [],
    ending: { kind: 'whole' },
    ...overrides,
  }
}

const goodputInFault: Hypothesis = {
  claim: 'reads go on being answered',
  arm: 'guarded',
  phase: 'fault',
  metric: 'goodput.read',
  bound: { atLeast: 0.5 },
  leastSamples: 100,
}

/** A scenario with these hypotheses in place of its own. */
function judging(hypotheses: Hypothesis[], overrides: Partial<Evidence> = {}) {
  const whole = evidence(overrides)
  return judge({ ...whole, scenario: { ...whole.scenario, hypotheses } }).verdict
}

describe('a hypothesis', () => {
  const { arms } = evidence()

  test('passes inside its bound and fails outside it', () => {
    expect(judgeHypothesis(goodputInFault, arms).verdict).toBe('pass')
    expect(judgeHypothesis({ ...goodputInFault, bound: { atMost: 0.5 } }, arms).verdict).toBe('fail')
  })

  test('with too few samples is inconclusive, never a pass', () => {
    const finding = judgeHypothesis({ ...goodputInFault, leastSamples: 1_000_000 }, arms)
    expect(finding).toMatchObject({
      verdict: 'inconclusive',
      note: expect.stringContaining('at least 1000000 needed'),
    })
  })

  test('whose interval lies astride its bound is inconclusive', () => {
    const { value } = arms[0]!.phases.find(({ phase }) => phase === 'fault')!.goodput.read
    const finding = judgeHypothesis({ ...goodputInFault, bound: { atLeast: value! } }, arms)
    expect(finding).toMatchObject({ verdict: 'inconclusive', note: expect.stringContaining('astride') })
  })

  test('about what was not measured is inconclusive', () => {
    const finding = judgeHypothesis({ ...goodputInFault, metric: 'overhead.p95', bound: { atMost: 3 } }, arms)
    expect(finding).toMatchObject({ verdict: 'inconclusive', measured: null })
  })

  test('about a breaker that never opened although it saw calls fails', () => {
    const blind = arms.map(arm => ({
      ...arm,
      detectMs: null,
      phases: arm.phases.map(phase => ({ ...phase, upstreamCalls: 200 })),
    }))
    const finding = judgeHypothesis(
      { ...goodputInFault, metric: 'detect', bound: { atMost: 2_000 }, leastSamples: 1 },
      blind,
    )
    expect(finding).toMatchObject({ verdict: 'fail', measured: null, note: 'the breaker did not open' })
  })
})

describe('the verdict', () => {
  const failing = { ...goodputInFault, bound: { atMost: 0.1 } }

  test('is a pass when every hypothesis holds', () => {
    expect(judging([goodputInFault])).toMatchObject({ word: 'pass', exitCode: 0, reasons: [] })
  })

  test('is a fail when one does not, and its sentence names it first', () => {
    const verdict = judging([goodputInFault, failing])
    expect(verdict).toMatchObject({ word: 'fail', exitCode: 1 })
    expect(verdict.sentence).toMatch(/^Reads go on being answered: goodput.read of guarded in fault/)
  })

  test('is inconclusive when the instrument was late, even if a hypothesis fails', () => {
    const { instrument } = evidence()
    expect(judging([failing], { instrument: { ...instrument, valid: false } })).toMatchObject({
      word: 'inconclusive',
      exitCode: 2,
    })
  })

  test('is inconclusive when the baseline was not healthy, even if a hypothesis fails', () => {
    const sick = { ...failing, phase: 'baseline' }
    expect(judging([failing, sick])).toMatchObject({ word: 'inconclusive', exitCode: 2 })
  })

  test('is inconclusive when the control was not well before the fault, however bad it looks in it', () => {
    const { arms } = evidence()
    const dead = { value: 0, good: 0, of: 1_000, interval: [0, 0.004] as [number, number] }
    const sickControl = arms.map((arm, index) =>
      index === 0
        ? arm
        : {
            ...arm,
            phases: arm.phases.map(phase => ({ ...phase, goodput: { ...phase.goodput, read: dead } })),
          },
    )
    const verdict = judging([goodputInFault], { arms: sickControl })
    expect(verdict.word).toBe('inconclusive')
    expect(verdict.reasons.join()).toContain('arm bare was not well before the fault')
  })

  test('is inconclusive when a probe before the fault was not answered', () => {
    const { probes } = evidence()
    const calm = { ...probes[0]!, fault: 'none', bit: false }
    expect(judging([goodputInFault], { probes: [...probes, calm] }).reasons.join()).toContain(
      'not answered in time',
    )
  })

  test('is inconclusive when the lab lost a part', () => {
    const verdict = judging([goodputInFault], { losses: ['origin of bare (SIGKILL)'] })
    expect(verdict).toMatchObject({ word: 'inconclusive', exitCode: 2 })
    expect(verdict.reasons).toEqual(['the lab lost its origin of bare (SIGKILL) during the run'])
  })

  test('does not call a baseline sick that it could not judge', () => {
    const verdict = judging([{ ...goodputInFault, phase: 'baseline', leastSamples: 1e9 }])
    expect(verdict.reasons.join()).toContain('the baseline could not be judged')
  })

  test('is inconclusive when the fault did not bite, or nobody looked', () => {
    const { probes } = evidence()
    const toothless = probes.map(probe => ({ ...probe, bit: probe.fault === 'none' }))
    expect(judging([goodputInFault], { probes: toothless }).word).toBe('inconclusive')
    expect(judging([goodputInFault], { probes: [] }).reasons.join()).toContain('not proven')
  })

  test.each([
    ['all', [true, true, false], false],
    ['half', [true, false, true, false], true],
    ['half', [true, false, false], false],
    ['one', [false, false, true], true],
    ['one', [false, false], false],
  ] as const)(
    'believes in a fault that needs %s of its probes when they were %j: %j',
    (needs, bits, isProven) => {
      const [first] = evidence().probes
      const arms = evidence().arms.slice(0, 1)
      const probes = bits.map(bit => ({ ...first!, arm: arms[0]!.name, bit, needs }))
      const { reasons } = judging([goodputInFault], { arms, probes })
      expect(reasons.join().includes('not proven')).toBe(!isProven)
    },
  )

  test('is inconclusive when a hypothesis has too little data and none fails', () => {
    expect(judging([{ ...goodputInFault, leastSamples: 1e9 }])).toMatchObject({
      word: 'inconclusive',
      exitCode: 2,
    })
    expect(judging([{ ...goodputInFault, leastSamples: 1e9 }, failing])).toMatchObject({
      word: 'fail',
      exitCode: 1,
    })
  })

  test.each([
    [{ kind: 'aborted', because: 'the loop stood still' }, 'aborted', 3],
    [{ kind: 'interrupted', by: 'SIGINT' }, 'interrupted', 130],
    [{ kind: 'error', because: 'the load generator died' }, 'error', 4],
  ] as const)('of a run that ended otherwise is what ended it: %o', (ending, word, exitCode) => {
    expect(judging([failing], { ending })).toMatchObject({ word, exitCode })
  })

  test('is 5 before anything else when the clean-up is not proven', () => {
    const cleanUp = { proven: false, detail: 'toxic still there' }
    expect(
      judging([goodputInFault], { cleanUp, ending: { kind: 'interrupted', by: 'SIGINT' } }).exitCode,
    ).toBe(5)
  })
})
