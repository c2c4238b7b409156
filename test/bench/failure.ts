// The gateway while everything that it asks its upstream fails: are refusals cheaper than answers, and does it keep up?
import { resolve } from 'node:path'
import autocannon from 'autocannon'
import type { Child } from '../../chaos/supervise.ts'
import { inLaboratory, type Laboratory } from './laboratory.ts'
import { figure, type Section, sectionText, type Target, target, targetText } from './section.ts'

const CONNECTIONS = 50
const SECONDS = 5
const OFFERED_PER_SECOND = 5_000
const MOST_LAG_MS = 20
/** Every request is for itself: single flight and the cache would answer most of them. */
const SETTINGS = {
  GUARDS: 'rate-limit,deadline,bulkhead,breaker,retry,attempt-limit',
  RATE_LIMIT_MAX: '1000000000',
  BULKHEAD_MAX: '10000',
  LOG_LEVEL: 'warn',
}
const UPSTREAMS = { no: 'well', status: 'only 500', reset: 'only resets' }
type Failing = keyof typeof UPSTREAMS

/** What came of one load. */
export interface FailureFigures {
  failing: Failing
  /** Answers a second under saturation, whatever they say. */
  mostPerSecond: number
  /** Answers a second where 5,000 a second are asked for. */
  perSecond: number
  /** Share of them with the status that this upstream should lead to. */
  expectedShare: number
  /** Of the gateway's event loop at that rate. */
  lagMs: { p50: number; p99: number; most: number }
  p99Ms: number
}

/** Measures them all, and prints their table. */
export function benchFailure(): Promise<void> {
  return inLaboratory(async lab => {
    const figures: FailureFigures[] = []
    for (const failing of Object.keys(UPSTREAMS) as Failing[]) figures.push(await measure(lab, failing))
    const section = failureSection(figures)
    console.log(
      `\n${CONNECTIONS} connections; ${SECONDS} s saturated, then ${SECONDS} s at ${OFFERED_PER_SECOND} a second; Node ${process.version}`,
    )
    console.log(sectionText(section))
    console.log('\nTargets\n')
    for (const target of section.targets) console.log(`- ${targetText(target)}`)
  })
}

/** Measures a gateway before an upstream that fails in this way. */
async function measure(lab: Laboratory, failing: Failing): Promise<FailureFigures> {
  const ports = { HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0' }
  const upstream = await lab.start('upstream', 'test/bench/failure/upstream.ts', {
    env: { FAILING: failing },
  })
  const gateway = await lab.start('gateway', 'src/main.ts', {
    env: {
      ...ports,
      NODE_OPTIONS: `--import=${resolve(import.meta.dirname, 'failure/lag-probe.ts')}`,
      UPSTREAM_URL: `http://127.0.0.1:${upstream.ports.http}`,
      ...SETTINGS,
    },
  })
  const url = `http://127.0.0.1:${gateway.ports.http}/proxy/areas`
  await autocannon({ url, connections: CONNECTIONS, duration: 2 })
  const saturated = await autocannon({ url, connections: CONNECTIONS, duration: SECONDS })
  await lagsOf(gateway)
  const paced = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: SECONDS,
    overallRate: OFFERED_PER_SECOND,
    ignoreCoordinatedOmission: true,
  })
  const figures = figuresOf(failing, saturated, paced, await lagsOf(gateway))
  for (const child of [gateway, upstream]) await child.stop()
  return figures
}

/** Every lag since it was last asked. */
function lagsOf(gateway: Child): Promise<number[]> {
  return new Promise(resolve => {
    const stop = gateway.onMessage(message => {
      stop()
      resolve((message as { lagsMs: number[] }).lagsMs)
    })
    gateway.send('lags')
  })
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
    lagMs: { p50: quantile(0.5), p99: quantile(0.99), most: quantile(1) },
    p99Ms: paced.latency.p99,
  }
}

export function failureSection(all: readonly FailureFigures[]): Section {
  const rate = (perSecond: number) => Math.round(perSecond).toLocaleString('en-US')
  return {
    title: 'While the upstream fails',
    head: [
      'upstream',
      'saturated, per second',
      'at the rate, per second',
      'as expected',
      'event-loop lag p50, p99, max, ms',
      'latency p99, ms',
    ],
    rows: all.map(({ failing, mostPerSecond, perSecond, expectedShare, lagMs, p99Ms }) => [
      UPSTREAMS[failing],
      rate(mostPerSecond),
      rate(perSecond),
      `${(100 * expectedShare).toFixed(1)} %`,
      [lagMs.p50, lagMs.p99, lagMs.most].map(ms => figure(ms, 1)).join(', '),
      figure(p99Ms, 0),
    ]),
    targets: targetsOf(all),
  }
}

function targetsOf([well, ...failing]: readonly FailureFigures[]): Target[] {
  return failing.flatMap(({ failing, mostPerSecond, lagMs }) => {
    const share = well && mostPerSecond / well.mostPerSecond
    return [
      target(
        `${UPSTREAMS[failing]}: more refusals a second than answers of a well one`,
        share,
        value => value > 1,
        `${figure(share, 2)} times as many`,
      ),
      target(
        `${UPSTREAMS[failing]}, ${OFFERED_PER_SECOND} requests a second: event-loop lag p99 under ${MOST_LAG_MS} ms`,
        lagMs.p99,
        value => value < MOST_LAG_MS,
        `${figure(lagMs.p99, 1)} ms`,
      ),
    ]
  })
}
