// Scenarios with toxics that the real server does not have: refused there, and proven where they are.
import { describe, expect, onTestFinished, test } from 'vitest'
import { toxic } from '../../chaos/fault.ts'
import { closeAfter, logNormalLatency, sharedBandwidth, slowAccept, type Toxic } from '../../chaos/toxic.ts'
import { connectToxiproxy } from '../../chaos/toxiproxy.ts'
import { attachLab } from '../../scenarios/engine/lab/attached.ts'
import { openLocalLab } from '../../scenarios/engine/lab/local.ts'
import { type Plan, planRun } from '../../scenarios/engine/plan.ts'
import { runScenario } from '../../scenarios/engine/run.ts'
import { RunError } from '../../scenarios/engine/run-error.ts'
import { defineScenario } from '../../scenarios/engine/scenario.ts'
import { probeGroups } from '../../scenarios/report/probe-groups.ts'
import { apiUrl, startEmbeddedProxy } from '../support/toxiproxy-subject.ts'

const FAULT_MS = 2_500

/** A baseline, and a phase for each toxic, named like it; light enough for a machine that does other things too. */
function planOf(toxics: Toxic[], more: { toxiproxy?: string } = {}): Plan {
  const scenario = defineScenario({
    name: 'drawn-out',
    question: 'Does it bite?',
    load: { ratePerSecond: 10 },
    arms: [{ name: 'direct', through: 'direct' }],
    phases: [
      { name: 'baseline', role: 'baseline', durationMs: 2_500, quickMs: 2_500 },
      ...toxics.map(value => ({
        name: value.type.replaceAll('_', '-'),
        role: 'fault' as const,
        durationMs: FAULT_MS,
        quickMs: FAULT_MS,
        faults: [toxic(value)],
      })),
    ],
    hypotheses: [
      {
        claim: 'reads are answered',
        arm: 'direct',
        phase: 'baseline',
        metric: 'goodput.read',
        bound: { atLeast: 0 },
      },
    ],
  })
  return planRun(scenario, { quick: false, oneArm: false, control: false, seed: 3, ...more })
}

async function startToxiproxy(...flags: string[]): Promise<string> {
  const child = await startEmbeddedProxy(...flags)
  onTestFinished(async () => void (await child.stop()))
  return apiUrl(child)
}

const some = [slowAccept({ delayMs: 200 }), logNormalLatency({ medianMs: 200, p99Ms: 600 })]

describe('a scenario with extensions', () => {
  test('is refused in one line, before anything is started, by a Toxiproxy without them', async () => {
    const toxiproxy = await startToxiproxy()
    const plan = planOf(some, { toxiproxy })
    const refusal = new RunError(
      `drawn-out needs slow_accept, latency_log_normal, which the Toxiproxy at ${toxiproxy} does not have, nor has any ` +
        'real one: leave out --toxiproxy and TOXIPROXY_URL, or start our own there, npm run toxiproxy -- -extensions',
    )
    await expect(openLocalLab(plan, {})).rejects.toThrow(refusal)
    expect(await (await connectToxiproxy(toxiproxy)).listProxies()).toEqual([])
    const attached = { LAB_DIRECT_ENTRY: 'http://127.0.0.1:1', LAB_DIRECT_PROXY: 'direct' }
    await expect(attachLab(plan, attached)).rejects.toThrow(refusal)
  })

  test('is welcome at one that has them', async () => {
    const lab = await openLocalLab(
      planOf(some, { toxiproxy: await startToxiproxy('-extensions') }),
      process.env,
    )
    expect(await lab.close()).toMatchObject({ proven: true })
  })

  test('gets them from the embedded proxy, and each of them is seen to bite', {
    timeout: 60_000,
  }, async () => {
    const toxics = [...some, sharedBandwidth({ kilobytesPerSecond: 20 }), closeAfter({ afterMs: 600 })]
    const { report } = await runScenario({
      plan: planOf(toxics),
      env: process.env,
      command: 'npm run scenario -- drawn-out',
      interrupt: new AbortController().signal,
    })
    const groups = probeGroups(report)
    const proofs = Object.fromEntries(groups.map(({ phase, isProven }) => [phase, isProven]))
    expect(proofs).toEqual({
      baseline: true,
      'slow-accept': true,
      'latency-log-normal': true,
      'bandwidth-shared': true,
      'close-after': true,
    })
    expect(report.verdict.reasons.filter(reason => /not proven/.test(reason))).toEqual([])
  })
})
