// What an answer was worth, told by its header fields, stamps and body, on real sockets.
import { afterEach, describe, expect, test } from 'vitest'
import type { ObservationColumns } from '../../../scenarios/engine/load/messages.ts'
import { OUTCOMES, type Outcome } from '../../../scenarios/report/report.ts'
import { countBy, planFor, runLoadHere } from '../../support/load-run.ts'
import type { BehaviourName } from '../../support/odd-server.ts'
import { type OddServer, startOddServer } from '../../support/odd-server-process.ts'

let server: OddServer
afterEach(() => server.close())

const schedule = { ratePerSecond: 200, phases: [{ name: 'baseline', durationMs: 1_000 }] }

/** The outcome of each key; fails where one key has two. */
function outcomeByKey(rows: ObservationColumns): Record<number, Outcome> {
  const outcomes: Record<number, Outcome> = {}
  for (const [at, key] of rows.key.entries()) {
    const outcome = OUTCOMES[rows.outcome[at]!]!
    expect([undefined, outcome]).toContain(outcomes[key])
    outcomes[key] = outcome
  }
  return outcomes
}

async function outcomesOf(expected: Partial<Record<BehaviourName, Outcome>>, isStamped: boolean) {
  const behaviours = Object.keys(expected) as BehaviourName[]
  server = await startOddServer({ behaviours })
  const keys = behaviours.length
  const plan = planFor(server.port, { isStamped, schedule: { ...schedule, keys, warmUpMs: 1_000 } })
  const rows = (await runLoadHere(plan)).arms.sut!
  const byKey = outcomeByKey(rows)
  return { rows, found: Object.fromEntries(behaviours.map((behaviour, at) => [behaviour, byKey[at + 1]])) }
}

describe('the outcome of a read', () => {
  test('of a stamped upstream is measured by the stamps', async () => {
    const expected = {
      fresh: 'fresh',
      missed: 'fresh',
      shared: 'fresh',
      hit: 'cached',
      staleBySaying: 'stale',
      staleByAge: 'stale',
      corrupt: 'corrupt',
      truncated: 'corrupt',
      wrong: 'wrong',
      shed503: 'shed',
      shed429: 'shed',
      problem504: 'error',
      plain503: 'error',
      codeless503: 'error',
      missing404: 'error',
      reset: 'error',
    } as const
    const { rows, found } = await outcomesOf(expected, true)
    expect(found).toEqual(expected)
    const ageOf = (behaviour: keyof typeof expected) =>
      rows.ageMs[rows.key.indexOf(Object.keys(expected).indexOf(behaviour) + 1)]!
    expect(ageOf('fresh')).toBeLessThan(500)
    expect(ageOf('hit')).toBeGreaterThanOrEqual(1_000)
    expect(ageOf('staleByAge')).toBeGreaterThanOrEqual(10_000)
    expect(ageOf('shed503')).toBeNaN()
    const shared = Object.keys(expected).indexOf('shared') + 1
    for (const [at, key] of rows.key.entries()) expect(rows.isCollapsed[at]).toBe(key === shared ? 1 : 0)
  })

  test('of an upstream without stamps is what Cache-Status says, with the age of the Age field', async () => {
    const expected = {
      ok: 'fresh',
      aged: 'fresh',
      hit: 'cached',
      staleBySaying: 'stale',
      corrupt: 'fresh',
      truncated: 'error',
    } as const
    const { rows, found } = await outcomesOf(expected, false)
    expect(found).toEqual(expected)
    expect(rows.ageMs[rows.key.indexOf(2)]).toBe(7_000)
    expect(rows.ageMs[rows.key.indexOf(1)]).toBeNaN()
  })
})

describe('the outcome of a write', () => {
  test('is fresh when it was accepted, shed when it was refused', async () => {
    server = await startOddServer({ behaviours: ['fresh', 'shed503'] })
    const plan = planFor(server.port, { isStamped: true, schedule: { ...schedule, keys: 2, readShare: 0 } })
    plan.arms[0]!.writePath = '/areas/{key}'
    const rows = (await runLoadHere(plan)).arms.sut!
    const theirs = await server.counts()
    expect(countBy(rows, 'outcome')).toEqual({ fresh: theirs.fresh, shed: theirs.shed503 })
  })
})
