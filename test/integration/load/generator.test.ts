// The generator as the runner meets it: two arms, live lines, an early stop, and its own end.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { decodeFromCompressedBase64 } from 'hdr-histogram-js'
import { afterEach, describe, expect, test } from 'vitest'
import { startEntry } from '../../support/entry-process.ts'
import { countBy, planFor, runLoadHere, runLoadProcess } from '../../support/load-run.ts'
import { type OddServer, startOddServer } from '../../support/odd-server-process.ts'

const servers: OddServer[] = []
async function start(...settings: Parameters<typeof startOddServer>) {
  const server = await startOddServer(...settings)
  servers.push(server)
  return server
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map(server => server.close()))
})

function planForBoth(good: OddServer, bad: OddServer) {
  const plan = planFor(0, { clientDeadlineMs: 300 })
  const arm = plan.arms[0]!
  plan.arms = [good, bad].map(({ port }, at) => ({
    ...arm,
    name: ['good', 'bad'][at]!,
    baseUrl: `http://127.0.0.1:${port}`,
  }))
  plan.schedule = { ...plan.schedule, ratePerSecond: 200, arrivals: 'poisson', readShare: 0.8 }
  return plan
}

describe('two arms', () => {
  test('get the same arrivals at the same moments, and the trouble of one is not the other', async () => {
    const plan = planForBoth(await start({ behaviours: ['ok'] }), await start({ behaviours: ['hang'] }))
    const { arms, instrument } = await runLoadProcess(plan)
    const [good, bad] = [arms.good!, arms.bad!]
    for (const column of ['index', 'dueMs', 'key', 'isRead'] as const)
      expect(bad[column]).toEqual(good[column])
    expect(countBy(good, 'ending')).toEqual({ ok: good.index.length })
    expect(countBy(bad, 'ending')).toEqual({ timeout: good.index.length })
    expect(instrument.scheduled).toBe(2 * good.index.length)
  })

  test('take turns to be asked first', async () => {
    const plan = planForBoth(await start({ behaviours: ['ok'] }), await start({ behaviours: ['ok'] }))
    const { good, bad } = (await runLoadHere(plan)).arms
    for (const index of good!.index) {
      const [first, second] = index % 2 === 0 ? [good!, bad!] : [bad!, good!]
      expect(first.sentMs[index]).toBeLessThan(second.sentMs[index]!)
    }
  })
})

describe('a run', () => {
  test('is told while it runs, each observation once, with a lag histogram that others can read', async () => {
    const server = await start({ behaviours: ['ok'] })
    const { arms, instrument, messages } = await runLoadProcess(planFor(server.port))
    expect(messages).toBeGreaterThanOrEqual(3)
    expect([...arms.sut!.index]).toEqual(Array.from({ length: 100 }, (_, index) => index))
    const histogram = decodeFromCompressedBase64(instrument.lagHistogram)
    expect(histogram.totalCount).toBe(100)
    expect(instrument.lagMs.samples).toBe(100)
    expect(instrument.cpuShare).toBeGreaterThan(0)
  })

  test('that is stopped early settles what it had sent and counts nothing that was not yet due', async () => {
    const server = await start({ behaviours: ['after100'] })
    const plan = planFor(server.port, { schedule: { phases: [{ name: 'all', durationMs: 60_000 }] } })
    const { arms, instrument } = await runLoadProcess(plan, {
      stopWhen: ({ arms }) => arms.sut!.index.length > 0,
    })
    expect(instrument.stoppedAtMs).not.toBeNull()
    expect(instrument.scheduled).toBeLessThan(1_000)
    expect(arms.sut!.index).toHaveLength(instrument.scheduled)
    expect(countBy(arms.sut!, 'ending')).toEqual({ ok: instrument.scheduled })
    expect((await server.counts()).total).toBe(instrument.sent)
  })

  test('sends a write with an idempotency key of its own', async () => {
    const origin = await startEntry('scenarios/engine/origin/main.ts', { env: { PORT: '0', MEDIAN_MS: '1' } })
    try {
      const plan = planFor(origin.ports.http!, { isStamped: true, schedule: { readShare: 0.5, keys: 200 } })
      const { arms } = await runLoadHere(plan)
      expect(countBy(arms.sut!, 'outcome')).toEqual({ fresh: 100 })
      const stats = await (await fetch(`http://127.0.0.1:${origin.ports.http}/stats`)).json()
      const reads = arms.sut!.isRead.reduce((sum, one) => sum + one, 0)
      expect(stats).toMatchObject({
        requests: 100,
        writes: 100 - reads,
        duplicateWrites: 0,
        distinctRequestIds: 100,
      })
    } finally {
      await origin.close()
    }
  })
})

describe('the generator process', () => {
  test('ends itself when its runner is gone', async () => {
    const server = await start({ behaviours: ['hang'] })
    const generator = await startEntry('scenarios/engine/load/main.ts')
    generator.child.send({ type: 'start', plan: planFor(server.port) })
    await once(generator.child, 'message')
    generator.child.disconnect()
    expect(await once(generator.child, 'exit')).toEqual([0, null])
  })

  test('says in one line that it is not started by hand', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scenarios/engine/load/main.ts'])
    expect(status).toBe(1)
    expect(stderr.toString()).toBe('The load generator is started by the scenario runner, not by hand.\n')
  })
})
