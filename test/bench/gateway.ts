// `npm run bench`: what the gateway costs, beside a bare server and, with --peers, other gateways. Ratios of one run
// count; rates are this machine's.

import { GENERATOR } from './gateway/load.ts'
import { halt, isPinned, pin } from './gateway/machine.ts'
import { measure, type Slice, type SliceOptions, STORED_PATH } from './gateway/measure.ts'
import { startPeers } from './gateway/peers.ts'
import { GATEWAY, type Served, startBareAnswer, startBareProxy, startGateway } from './gateway/subjects.ts'
import { crowdedSection, passedOnSection, storedSection } from './gateway/tables.ts'
import { startUpstream, type Upstream } from './gateway/upstream.ts'
import { inLaboratory, type Laboratory } from './laboratory.ts'
import { interleave, mapRounds, type Row } from './rounds.ts'
import { sectionText, targetText } from './section.ts'

export interface GatewayBenchOptions {
  /** Puts other gateways beside ours. */
  hasPeers: boolean
  isQuick: boolean
}

/** Many short rounds: a machine that others use is slow for seconds at a time. Odd, so that the middle was measured. */
const LENGTHS = { full: { rounds: 11, seconds: 1 }, quick: { rounds: 3, seconds: 1 } }
const CONNECTIONS = 50
/** Enough for a queue to show. */
const CROWD = 100
/** Every request is for itself: single flight would answer a hundred of these with one call. */
const WITHOUT_SHARING = 'rate-limit,deadline,bulkhead,breaker,retry,attempt-limit'

/** Measures every row and prints their tables. */
export function benchGateway(options: GatewayBenchOptions): Promise<void> {
  return inLaboratory(lab => run(lab, options))
}

async function run(lab: Laboratory, { hasPeers, isQuick }: GatewayBenchOptions): Promise<void> {
  // The load generators inherit it.
  pin(process.pid, 'beside')
  const { rounds, seconds } = isQuick ? LENGTHS.quick : LENGTHS.full
  const upstream = await startUpstream(lab)
  const measured = measuring(upstream, rounds)

  const stored = await openStored(lab, upstream)
  const hits = await measured(stored, { way: 'stored', connections: CONNECTIONS, seconds })
  const { subjects, missing } = await openPassedOn(lab, upstream, hasPeers)
  const passes = await measured(subjects, { way: 'passed on', connections: CONNECTIONS, seconds })
  const few = subjects.filter(({ name }) => name === GATEWAY.guarded || name === '@fastify/http-proxy')
  const crowd = hasPeers ? await measured(few, { way: 'passed on', connections: CROWD, seconds }) : []

  const sections = [storedSection(hits), passedOnSection(passes), ...crowdedSection(crowd)]
  console.log(`\n${conditions(upstream, rounds, seconds)}`)
  for (const section of sections) console.log(sectionText(section))
  console.log('\nTargets\n')
  for (const target of sections.flatMap(({ targets }) => targets)) console.log(`- ${targetText(target)}`)
  for (const name of missing) console.log(`\n${name} is not installed here.`)
  if (!process.env.REDIS_URL) console.log('\nWith REDIS_URL set there is a row for the Redis cache too.')
  if (!hasPeers) console.log('\nWith --peers there are rows for other gateways too.')
}

type Measured = (subjects: readonly Served[], options: SliceOptions) => Promise<Row<Slice, Served>[]>

function measuring(upstream: Upstream, rounds: number): Measured {
  return async (subjects, options) => {
    for (const { pid } of subjects) halt(pid, true)
    const rows = await interleave(subjects, { rounds, slices: 1 }, subject => {
      process.stderr.write(`${options.way}, ${options.connections} connections: ${subject.name}\n`)
      return measure(subject, upstream, options)
    })
    return mapRounds(rows, ([slice]) => slice!)
  }
}

async function openStored(lab: Laboratory, upstream: Upstream): Promise<Served[]> {
  const redisUrl = process.env.REDIS_URL
  const memory = await startGateway(lab, 'gateway, memory cache, all guards', upstream.url)
  await fetch(memory.url + STORED_PATH)
  const redis = redisUrl
    ? [
        await startGateway(lab, 'gateway, Redis cache, all guards', upstream.url, {
          CACHE: 'redis',
          REDIS_URL: redisUrl,
        }),
      ]
    : []
  return [
    await startBareAnswer(lab, 'bare-http', memory, STORED_PATH),
    memory,
    ...redis,
    await startBareAnswer(lab, 'bare-cache', memory, STORED_PATH),
  ]
}

async function openPassedOn(lab: Laboratory, upstream: Upstream, hasPeers: boolean) {
  const gateways = [
    await startGateway(lab, GATEWAY.guarded, upstream.url),
    { ...(await startGateway(lab, GATEWAY.storing, upstream.url)), folder: '/areas' },
    await startGateway(lab, GATEWAY.unshared, upstream.url, { GUARDS: WITHOUT_SHARING }),
    await startGateway(lab, GATEWAY.bare, upstream.url, { GUARDS: 'none' }),
    await startBareProxy(lab, upstream.url),
  ]
  const { peers, missing } = hasPeers ? await startPeers(lab, upstream.url) : { peers: [], missing: [] }
  for (const { pid } of peers) pin(pid, 'measured')
  return { subjects: [...gateways, ...peers], missing }
}

function conditions({ name }: Upstream, rounds: number, seconds: number): string {
  const where = isPinned
    ? `the server under test on one core, ${GENERATOR} and the upstream (${name}) on the others`
    : `${GENERATOR}, the upstream (${name}) and the server under test on any core`
  return `${rounds} rounds of ${seconds} s a row, interleaved, medians (least–most); ${where}; Node ${process.version}`
}
