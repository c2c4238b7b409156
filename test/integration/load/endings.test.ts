// Every arrival ends in exactly one kind, and the kinds agree with what the server says it did.
import { createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Ending } from '../../../scenarios/engine/load/messages.ts'
import { startEntry } from '../../support/entry-process.ts'
import { countBy, latenciesMs, planFor, runLoadHere, runLoadProcess } from '../../support/load-run.ts'
import type { BehaviourName } from '../../support/odd-server.ts'
import { type OddServer, startOddServer } from '../../support/odd-server-process.ts'

let server: OddServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function unusedPort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => holder.once('listening', resolve))
  const address = holder.address()
  await new Promise(resolve => holder.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const schedule = {
  ratePerSecond: 300,
  arrivals: 'poisson' as const,
  phases: [{ name: 'baseline', durationMs: 2_000 }],
}

describe('how exchanges end', () => {
  test('RST, FIN without an answer, a cut body, Connection: close and what is not HTTP are told apart', async () => {
    const endings: Partial<Record<BehaviourName, Ending>> = {
      ok: 'ok',
      reset: 'reset',
      fin: 'closed',
      cut: 'closed',
      close: 'ok',
      notHttp: 'closed',
    }
    const behaviours = Object.keys(endings) as BehaviourName[]
    server = await startOddServer({ behaviours })
    const keys = behaviours.length
    const { arms, instrument } = await runLoadProcess(
      planFor(server.port, { schedule: { ...schedule, keys } }),
    )
    const rows = arms.sut!
    const theirs = await server.counts()
    const expected: Partial<Record<Ending, number>> = {}
    for (const behaviour of behaviours) {
      const ending = endings[behaviour]!
      expected[ending] = (expected[ending] ?? 0) + theirs[behaviour]!
    }
    expect(countBy(rows, 'ending')).toEqual(expected)
    expect(theirs.total).toBe(instrument.sent)
    expect(instrument.sent).toBe(instrument.scheduled)
    // Not only the sums: each behaviour had the very requests that asked for it.
    for (const [at, behaviour] of behaviours.entries()) {
      expect(rows.key.filter(key => key === at + 1)).toHaveLength(theirs[behaviour]!)
    }
  })

  test('with 30 % hanging, those are timeouts with their full wait and no other suffers', async () => {
    const rest = new Array<BehaviourName>(7).fill('ok')
    server = await startOddServer({ behaviours: ['hang', 'hang', 'hang', ...rest] })
    const { arms } = await runLoadProcess(planFor(server.port, { clientDeadlineMs: 300, schedule }))
    const rows = arms.sut!
    const theirs = await server.counts()
    expect(theirs.hang! / theirs.total!).toBeGreaterThan(0.2)
    expect(countBy(rows, 'ending')).toEqual({ ok: theirs.ok, timeout: theirs.hang })
    expect(countBy(rows, 'outcome')).toEqual({ fresh: theirs.ok, timeout: theirs.hang })
    const waits = latenciesMs(rows).filter((_, at) => rows.key[at]! <= 3)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(300)
  })
})

describe('where nobody answers', () => {
  test('a process that is paused gives timeouts only, also when the queue for new connections is full', async () => {
    const origin = await startEntry('scenarios/engine/origin/main.ts', { env: { PORT: '0', MEDIAN_MS: '1' } })
    const phases = [{ name: 'baseline', durationMs: 4_000 }]
    const busy = { ...schedule, ratePerSecond: 400, phases }
    const pause = setTimeout(() => origin.child.kill('SIGSTOP'), 500)
    const resume = setTimeout(() => origin.child.kill('SIGCONT'), 3_500)
    try {
      const { arms } = await runLoadProcess(
        planFor(origin.ports.http!, { clientDeadlineMs: 300, schedule: busy }),
      )
      const { ok = 0, timeout = 0, ...others } = countBy(arms.sut!, 'ending')
      expect(others).toEqual({})
      expect(ok + timeout).toBe(arms.sut!.index.length)
      // Due while it was paused, less those whose deadline it came back in time for; more while it works off its queue.
      expect(timeout).toBeGreaterThan(2_000 / (1_000 / 400))
    } finally {
      clearTimeout(pause)
      clearTimeout(resume)
      origin.child.kill('SIGCONT')
      await origin.close()
    }
  })

  test('a port where nobody listens refuses every one', async () => {
    const { arms } = await runLoadHere(planFor(await unusedPort()))
    expect(countBy(arms.sut!, 'ending')).toEqual({ refused: 100 })
    expect(countBy(arms.sut!, 'outcome')).toEqual({ error: 100 })
  })

  test('what comes over the cap is dropped and recorded, and the instrument is outside its gate', async () => {
    server = await startOddServer({ behaviours: ['hang'] })
    const phases = [{ name: 'all', durationMs: 500 }]
    const plan = planFor(server.port, { inFlightCap: 20, clientDeadlineMs: 600, schedule: { phases } })
    const { arms, instrument } = await runLoadHere(plan)
    const rows = arms.sut!
    expect(countBy(rows, 'outcome')).toEqual({ timeout: 20, unsent: 30 })
    expect(instrument).toMatchObject({ isValid: false, scheduled: 50, sent: 20, dropped: 30 })
    expect(rows.sentMs.filter(Number.isNaN)).toHaveLength(30)
  })
})
