// `npm run bench -- gateway`: the gateway under closed-loop saturation. Ratios of one run count; rates are this machine's.
import { resolve } from 'node:path'
import autocannon from 'autocannon'
import { type Child, startChild } from '../../chaos/supervise.ts'

const root = resolve(import.meta.dirname, '../..')
const CONNECTIONS = 100
const SECONDS = 4
const ROUNDS = 3
const PATH = '/areas/1'
/** Every request reaches the upstream: single flight would answer a hundred of these with one call. */
const WITHOUT_SHARING = 'rate-limit,deadline,bulkhead,breaker,retry,attempt-limit'

interface Row {
  name: string
  /** The gateway's settings; null asks the upstream itself. */
  settings: Record<string, string> | null
}

interface Figures {
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Why the row counts for nothing; empty when it does. */
  void: string
}

const redisUrl = process.env.REDIS_URL
const rows: Row[] = [
  { name: 'direct upstream', settings: null },
  { name: 'gateway, cache off', settings: { GUARDS: WITHOUT_SHARING } },
  { name: 'gateway, memory cache', settings: { CACHE: 'memory' } },
  ...(redisUrl ? [{ name: 'gateway, Redis cache', settings: { CACHE: 'redis', REDIS_URL: redisUrl } }] : []),
]

const children: Child[] = []

function start(name: string, entry: string, env: Record<string, string>): Promise<Child> {
  return startChild({
    name,
    entry: resolve(root, entry),
    args: [],
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', ...env },
    readyWithinMs: 10_000,
  }).then(child => {
    children.push(child)
    return child
  })
}

async function shoot(url: string, seconds: number): Promise<Figures> {
  const result = await autocannon({ url, connections: CONNECTIONS, duration: seconds })
  const unexpected = result.non2xx + result.errors + result.timeouts
  return {
    perSecond: result['2xx'] / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    void:
      unexpected === 0
        ? ''
        : `void: ${result.non2xx} unexpected statuses, ${result.errors + result.timeouts} errors`,
  }
}

const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Measures every row and prints their table. */
export async function benchGateway(): Promise<void> {
  try {
    const origin = await start('origin', 'scenarios/engine/origin/main.ts', {
      MEDIAN_MS: '0',
      SIGMA: '0',
      SEED: '1',
    })
    const upstream = `http://127.0.0.1:${origin.ports.http}`
    const urls: string[] = []
    for (const { name, settings } of rows) {
      if (settings === null) {
        urls.push(`${upstream}${PATH}`)
        continue
      }
      // Saturation would trip every guard that bounds a client or a queue: they are raised out of the way.
      const gateway = await start(name, 'src/main.ts', {
        ADMIN_HOST: '127.0.0.1',
        ADMIN_PORT: '0',
        UPSTREAM_URL: upstream,
        RATE_LIMIT_MAX: '1000000000',
        BULKHEAD_MAX: '10000',
        DEADLINE_MS: '5000',
        ATTEMPT_LIMIT_MS: '4000',
        BREAKER_RESET_MS: '6000',
        ...settings,
      })
      urls.push(`http://127.0.0.1:${gateway.ports.http}/proxy${PATH}`)
    }
    const figures: Figures[][] = rows.map(() => [])
    for (const url of urls) await shoot(url, 1)
    for (let round = 0; round < ROUNDS; round++) {
      // Turned round every second time, so that a machine that slows down does not favour the first row.
      const order = rows.map((_, index) => (round % 2 === 0 ? index : rows.length - 1 - index))
      for (const index of order) figures[index]!.push(await shoot(urls[index]!, SECONDS))
      process.stderr.write(`round ${round + 1} of ${ROUNDS} done\n`)
    }
    const perSecond = figures.map(list => middle(list.map(entry => entry.perSecond)))
    console.log(
      `\n${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s a row, medians; GET ${PATH}; Node ${process.version}\n`,
    )
    console.log('| row | requests/s | ratio to direct | ratio to cache off | p50 ms | p99 ms |')
    console.log('|---|---:|---:|---:|---:|---:|')
    rows.forEach(({ name }, index) => {
      const list = figures[index]!
      const spoiled = list.find(entry => entry.void !== '')?.void
      const cells = [
        Math.round(perSecond[index]!).toLocaleString('en-US'),
        (perSecond[index]! / perSecond[0]!).toFixed(2),
        (perSecond[index]! / perSecond[1]!).toFixed(2),
        middle(list.map(entry => entry.p50Ms)).toFixed(0),
        middle(list.map(entry => entry.p99Ms)).toFixed(0),
      ]
      console.log(`| ${name} | ${spoiled ?? cells.join(' | ')} |`)
    })
    console.log('\nCache off: single flight is off, too, so that every request reaches the upstream.')
    if (!redisUrl) console.log('With REDIS_URL set there is a row for the Redis cache too.')
  } finally {
    await Promise.all(children.map(child => child.stop({ withinMs: 3_000 })))
  }
}
