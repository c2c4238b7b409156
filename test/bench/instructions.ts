// `npm run bench -- instructions`: what a request costs in instructions, counted by Valgrind: on a machine that others use
// too, the one figure of the gateway's that comes out the same each time. What the kernel does is not in it.
import { GUARD_NAMES } from '../../src/guards/guard.ts'
import { installOnce } from '../support/install-once.ts'
import { isInstalled } from './gateway/machine.ts'
import { FOLDER as PEERS } from './gateway/peers.ts'
import { answerOf, RAISED } from './gateway/subjects.ts'
import { startUpstream } from './gateway/upstream.ts'
import { CONNECTIONS, COUNTED, countInstructions, type Program } from './instructions/count.ts'
import { type Counted, instructionsSection } from './instructions/table.ts'
import { inLaboratory, type Laboratory } from './laboratory.ts'
import { sectionText, targetText } from './section.ts'

/** As many at once as there are cores on the smallest machines: no clock is read. */
const AT_ONCE = 2
/** Counts every row and prints their table. */
export function benchInstructions(): Promise<void> {
  return inLaboratory(async lab => {
    for (const command of ['valgrind', 'callgrind_control'])
      if (!isInstalled(command)) throw new Error(`${command} is not installed; it comes with Valgrind`)
    const problem = await installOnce(PEERS, 'fastify')
    if (problem !== undefined) throw new Error(problem)
    const counted = await countAll(lab, await programs(lab))
    const section = instructionsSection(counted)
    console.log(
      `\n${COUNTED.toLocaleString('en-US')} requests a row over ${CONNECTIONS} connections, once warmed up; the thread that runs JavaScript, without the kernel; Node ${process.version}`,
    )
    console.log(sectionText(section))
    console.log('\nTargets\n')
    for (const target of section.targets) console.log(`- ${targetText(target)}`)
  })
}

async function programs(lab: Laboratory): Promise<Program[]> {
  const gateway = (name: string, settings: Record<string, string>, way: Program['way'] = 'passed on') => ({
    name,
    way,
    entry: 'src/main.ts',
    env: {
      // Not HOST: Valgrind takes it for the name of this machine, by which it is found.
      ...{ PORT: '0', ADMIN_PORT: '0', REDIS_URL: '' },
      ...{ ...RAISED, ...PATIENT, ...settings },
    },
  })
  const passing = (name: string, entry: string): Program => ({ name, entry, way: 'passed on', env: {} })
  const answer = JSON.stringify(await storedAnswer(lab))
  const storing = (name: string, entry: string): Program => ({
    ...{ name, entry, way: 'stored' },
    env: { ANSWER: answer },
  })
  return [
    storing('bare node:http, the same bytes', 'test/bench/gateway/bare-http.ts'),
    gateway('gateway, memory cache, all guards', {}, 'stored'),
    storing('bare Fastify, rate-limit and lru-cache', 'test/bench/gateway/bare-cache.ts'),
    passing('@fastify/http-proxy', 'test/bench/peers/fastify-http-proxy.js'),
    gateway('gateway, all guards', {}),
    gateway('gateway, no guards', { GUARDS: 'none' }),
    passing('bare Fastify and undici', 'test/bench/gateway/bare-proxy.ts'),
    ...GUARD_NAMES.map(guard => gateway(`gateway, ${guard} alone`, { GUARDS: guard })),
  ]
}

/** Under Valgrind everything takes fifty times as long. */
const PATIENT = {
  DEADLINE_MS: '60000',
  ATTEMPT_LIMIT_MS: '50000',
  BREAKER_RESET_MS: '70000',
  SHED_LAG_MS: '0',
  HEADER_MS: '60000',
}

/** What a gateway answers out of its cache, for those that send the same. */
async function storedAnswer(lab: Laboratory) {
  const upstream = await startUpstream(lab)
  const gateway = await lab.start('gateway', 'src/main.ts', {
    env: {
      PORT: '0',
      ADMIN_PORT: '0',
      REDIS_URL: '',
      UPSTREAM_URL: upstream.url,
      ...RAISED,
    },
  })
  const url = `http://127.0.0.1:${gateway.ports.http}/proxy/areas/stored`
  await answerOf(url)
  const answer = await answerOf(url)
  await gateway.stop()
  return answer
}

async function countAll(lab: Laboratory, programs: readonly Program[]): Promise<Counted[]> {
  const counted: Counted[] = []
  const left = programs.entries()
  const work = async () => {
    for (const [index, program] of left) {
      process.stderr.write(`${program.way}: ${program.name}\n`)
      counted[index] = { name: program.name, instructions: await countInstructions(lab, program) }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return counted
}
