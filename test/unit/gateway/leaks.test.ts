import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { memoryStore } from '../../../src/cache/memory.ts'
import { loadConfig } from '../../../src/config.ts'
import { GatewayError } from '../../../src/errors.ts'
import { createGuardState } from '../../../src/guard-state.ts'
import { type GatewayResponse, GUARD_NAMES } from '../../../src/guards/guard.ts'
import { createPipeline } from '../../../src/pipeline.ts'
import { createTelemetry } from '../../../src/telemetry/events.ts'
import { TransientMap } from '../../../src/transient-map.ts'
import { requestOf } from '../../support/gateway-chain.ts'
import { type Step, scriptedUpstream } from '../../support/scripted-upstream.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A body that ends only because nobody takes it. */
const LONG_MS = 1e9
/** By then every client has left, in the middle of a body. */
const PATIENCE_MS = 3_000

const afterMs = fc.nat(500)
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('answer' as const),
    afterMs,
    status: fc.constantFrom(200, 200, 404, 500, 503),
    fields: fc.constantFrom(
      [],
      [],
      ['retry-after', '0'],
      ['retry-after', '1'],
      ['cache-control', 'no-store'],
    ),
  }),
  fc.record({
    kind: fc.constant('stream' as const),
    afterMs,
    status: fc.constantFrom(200, 503),
    bodyMs: fc.oneof(fc.nat(1_000), fc.constant(LONG_MS)),
    isTruncated: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('failure' as const),
    afterMs,
    reason: fc
      .constantFrom('upstream-reset' as const, 'upstream-unreachable' as const, 'upstream-malformed' as const)
      .map(code => new GatewayError(code, 'as scripted')),
  }),
  fc.constant({ kind: 'silence' as const }),
)
/** When it comes, what it asks, whether and when it leaves: before its answer, or in the middle of it. */
const clients = fc.record({
  arrivesMs: fc.nat(2_000),
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST'),
  path: fc.constantFrom('/a', '/b', '/c'),
  timeout: fc.option(fc.constantFrom('20', '100', '9999', 'nonsense'), { nil: undefined }),
  leavesMs: fc.option(fc.nat(1_000), { nil: undefined }),
})
type Client = typeof clients extends fc.Arbitrary<infer T> ? T : never
const settings = fc.record({
  GUARDS: fc.subarray([...GUARD_NAMES]).map(names => [...names, 'deadline'].join(',')),
  HEDGE_MS: fc.constantFrom('0', '20', '100'),
  RETRY_ATTEMPTS: fc.constantFrom('0', '1', '3'),
  RETRY_BUDGET_PER_SECOND: fc.constantFrom('0', '100'),
  BULKHEAD_MAX: fc.constantFrom('1', '2', '5', '64'),
  BULKHEAD_CLIENT_MAX: fc.constantFrom('0', '1', '3'),
  BREAKER_LEAST_CALLS: fc.constantFrom('3', '1000'),
  SLOW_CALL_MS: fc.constantFrom('0', '100'),
  CACHE_FRESH_MS: fc.constantFrom('0', '200'),
})

/** A chain over the script, with what there is to leak. */
function chainOver(script: readonly Step[], environment: Record<string, string>) {
  const config = loadConfig(environment)
  const telemetry = createTelemetry()
  const verdict = { isExceeded: false, remaining: 1, waitMs: 1 }
  const state = createGuardState(
    config,
    { checkUnder: () => () => verdict, nameOf: address => address },
    telemetry,
    () => {},
  )
  const upstream = scriptedUpstream(script)
  const store = memoryStore(config)
  const parts = { upstream, store, underWay: new TransientMap<never>(), telemetry, state }
  return { config, state, upstream, pipeline: createPipeline(config, parts) }
}

/** Asks, perhaps leaves, and says how it ended. */
async function ask({ pipeline }: ReturnType<typeof chainOver>, client: Client): Promise<string> {
  const { method, path, timeout, leavesMs } = client
  const asked = pipeline.receive(requestOf({ method, path }).parts, timeout)
  const gone = new GatewayError('client-gone', 'left')
  let response: GatewayResponse | undefined
  const leaving = setTimeout(() => {
    asked.cancel(gone)
    if (response !== undefined && !Buffer.isBuffer(response.body)) response.body.abort(gone)
  }, leavesMs ?? PATIENCE_MS)
  try {
    if (asked.cancelled !== null) throw asked.cancelled
    response = await pipeline.run(asked)
    if (Buffer.isBuffer(response.body)) return 'whole'
    const { body } = response
    return await new Promise(resolve =>
      body.onEnd(reason => resolve(reason === null ? 'whole' : 'broken off')),
    )
  } catch (error) {
    return (error as GatewayError).code
  } finally {
    clearTimeout(leaving)
  }
}

test('when all has ended nothing is left: no place taken, no call in flight, no timer, nobody waiting', async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.array(steps, { minLength: 1, maxLength: 12 }),
      fc.array(clients, { minLength: 1, maxLength: 25 }),
      async (environment, script, crowd) => {
        vi.clearAllTimers()
        const chain = chainOver(script, environment)
        const { config, state, upstream } = chain
        const endings: string[] = []
        for (const client of crowd)
          setTimeout(() => ask(chain, client).then(ending => void endings.push(ending)), client.arrivesMs)
        for (let ms = 0; ms < 8_000 && endings.length < crowd.length; ms += 10)
          await vi.advanceTimersByTimeAsync(10)
        expect(endings.length).toBe(crowd.length)
        expect(endings).not.toContain('internal')
        expect(endings).not.toContain(undefined)
        expect([state.places.taken, upstream.inFlight]).toEqual([0, 0])
        if (config.guards.includes('bulkhead'))
          expect(upstream.mostAtOnce()).toBeLessThanOrEqual(config.bulkheadMax)
        state.breaker.close()
        expect(vi.getTimerCount()).toBe(0)
      },
    ),
    { seed: 20_261_123, numRuns: 400 },
  )
}, 60_000)
