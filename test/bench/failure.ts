// The gateway while everything that it asks its upstream fails: are refusals cheaper than answers, and does it keep up?
import { resolve } from 'node:path'
import autocannon from 'autocannon'
import { type Child, startChild } from '../../chaos/supervise.ts'
import { watchGateway } from '../../scenarios/engine/watch.ts'

const root = resolve(import.meta.dirname, '../..')
const CONNECTIONS = 50
const SECONDS = 5
const OFFERED_PER_SECOND = 5_000
/** Every request is for itself: single flight and the cache would answer most of them. */
const SETTINGS = {
  GUARDS: 'rate-limit,deadline,bulkhead,breaker,retry,attempt-limit',
  RATE_LIMIT_MAX: '1000000000',
  BULKHEAD_MAX: '10000',
  LOG_LEVEL: 'warn',
}
type Failing = 'no' | 'status' | 'reset'

/** What came of one load. */
export interface FailureFigures {
  failing: Failing
  /** Answers a second under saturation, whatever they say. */
  mostPerSecond: number
  /** Answers a second where 5,000 a second are asked for. */
  perSecond: number
  /** Share of them with the status that this upstream should lead to. */
  expectedShare: number
  /** Of the longest lags of the event loop in each 250 ms at that rate: so the p99 of all lags is lower still. */
  lagMs: { p50: number; p99: number }
  p99Ms: number
}

/** Measures a gateway before an upstream that fails in this way. */
export async function measureFailure(failing: Failing): Promise<FailureFigures> {
  const children: Child[] = []
  const start = async (name: string, entry: string, env: Record<string, string>) => {
    const whole = { ...process.env, HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0', ...env }
    const child = await startChild({ name, entry: resolve(root, entry), env: whole, readyWithinMs: 10_000 })
    children.push(child)
    return child
  }
  try {
    const upstream = await start('upstream', 'test/bench/failure/upstream.ts', { FAILING: failing })
    const gateway = await start('gateway', 'src/main.ts', {
      UPSTREAM_URL: `http://127.0.0.1:${upstream.ports.http}`,
      ...SETTINGS,
    })
    const url = `http://127.0.0.1:${gateway.ports.http}/proxy/areas`
    await autocannon({ url, connections: CONNECTIONS, duration: 2 })
    const saturated = await autocannon({ url, connections: CONNECTIONS, duration: SECONDS })
    const record = await watchGateway(`http://127.0.0.1:${gateway.ports.admin}`, undefined)
    const paced = await autocannon({
      url,
      connections: CONNECTIONS,
      duration: SECONDS,
      overallRate: OFFERED_PER_SECOND,
      ignoreCoordinatedOmission: true,
    })
    record.close()
    return figuresOf(
      failing,
      saturated,
      paced,
      record.counts.map(({ eventLoopLagMs }) => eventLoopLagMs),
    )
  } finally {
    await Promise.all(children.map(child => child.stop({ withinMs: 3_000 })))
  }
}

function figuresOf(
  failing: Failing,
  saturated: autocannon.Result,
  paced: autocannon.Result,
  lagsMs: number[],
): FailureFigures {
  const all = paced.requests.total
  const expected = failing === 'no' ? paced['2xx'] : paced['5xx']
  const sorted = lagsMs.toSorted((a, b) => a - b)
  const quantile = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return {
    failing,
    mostPerSecond: saturated.requests.total / saturated.duration,
    perSecond: all / paced.duration,
    expectedShare: expected / all,
    lagMs: { p50: quantile(0.5), p99: quantile(0.99) },
    p99Ms: paced.latency.p99,
  }
}

/** Measures them all, and prints their table. */
export async function benchFailure(): Promise<void> {
  console.log(
    `\n${CONNECTIONS} connections; ${SECONDS} s saturated, then ${SECONDS} s at ${OFFERED_PER_SECOND} a second; Node ${process.version}\n`,
  )
  console.log(
    '| upstream | saturated, per second | at the rate, per second | as expected | longest lag in 250 ms, p50 and p99, ms | latency p99, ms |',
  )
  console.log('|---|---:|---:|---:|---:|---:|')
  for (const failing of ['no', 'status', 'reset'] as const) {
    const { mostPerSecond, perSecond, expectedShare, lagMs, p99Ms } = await measureFailure(failing)
    const cells = [
      Math.round(mostPerSecond).toLocaleString('en-US'),
      Math.round(perSecond).toLocaleString('en-US'),
      `${(100 * expectedShare).toFixed(1)} %`,
      `${lagMs.p50.toFixed(1)}, ${lagMs.p99.toFixed(1)}`,
      p99Ms.toFixed(0),
    ]
    console.log(
      `| ${{ no: 'well', status: 'only 500', reset: 'only resets' }[failing]} | ${cells.join(' | ')} |`,
    )
  }
}
