// `npm run bench -- soak`: ten minutes of faults on and off. Does the gateway come back to what it held at the start?
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeFault, type Fault, outage, toxic } from '../../chaos/fault.ts'
import { inject } from '../../chaos/inject.ts'
import type { Child } from '../../chaos/supervise.ts'
import { latency, limitData, resetPeer, timeout } from '../../chaos/toxic.ts'
import { connectToxiproxy } from '../../chaos/toxiproxy.ts'
import { inLaboratory, type Laboratory } from './laboratory.ts'
import { sectionText, targetText } from './section.ts'
import type { Held } from './soak/held-probe.ts'
import type { LoadTotals } from './soak/load.ts'
import { soakSection } from './soak/table.ts'

/** Cycles of a fault and a calm; before them two of each fault: what a start leaves behind goes in the first minute. */
const LENGTHS = {
  full: { cycles: 20, faultMs: 15_000, calmMs: 15_000 },
  quick: { cycles: 4, faultMs: 3_000, calmMs: 3_000 },
}
const WARM_UP = { rounds: 2, faultMs: 3_000, calmMs: 3_000 }
/** Longer than connections are kept that nobody uses. */
const REST_MS = 8_000
const ENTRY = 'soak'

const FAULTS: readonly Fault[] = [
  toxic(latency({ latencyMs: 2_000 })),
  outage(),
  toxic(resetPeer({ timeoutMs: 5 })),
  toxic(timeout({ timeoutMs: 0 })),
  toxic(limitData({ bytes: 900 })),
]
/** A cache that is full before the measurement begins: what grows after that should not. */
const SETTINGS = { CACHE_MAX_BYTES: '4000000', RATE_LIMIT_MAX: '1000000', LOG_LEVEL: 'error' }

/** What the gateway held after one cycle. */
export interface SoakSample {
  minutes: number
  fault: string
  /** The load goes on while it is asked, but for the first and the last. */
  held: Held
}

export function benchSoak({ isQuick }: { isQuick: boolean }): Promise<void> {
  return inLaboratory(lab => run(lab, isQuick ? LENGTHS.quick : LENGTHS.full))
}

async function run(lab: Laboratory, { cycles, faultMs, calmMs }: (typeof LENGTHS)['full']): Promise<void> {
  const chaos = await lab.start('chaos proxy', 'chaos/proxy/main.ts', { args: ['-port', '0'] })
  const upstream = await lab.start('upstream', 'test/bench/failure/upstream.ts')
  const toxiproxy = await connectToxiproxy(`http://127.0.0.1:${chaos.ports.api}`)
  const { listen } = await toxiproxy.createProxy({
    name: ENTRY,
    listen: '127.0.0.1:0',
    upstream: `127.0.0.1:${upstream.ports.http}`,
  })
  const gateway = await lab.start('gateway', 'src/main.ts', {
    env: {
      NODE_OPTIONS: `--import=${resolve(import.meta.dirname, 'soak/held-probe.ts')}`,
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      UPSTREAM_URL: `http://${listen}`,
      ...SETTINGS,
    },
  })
  const load = await lab.start('load', 'test/bench/soak/load.ts', {
    env: { TARGET: `http://127.0.0.1:${gateway.ports.http}` },
  })

  const storm = async (fault: Fault, lengths: { faultMs: number; calmMs: number }) => {
    const injection = await inject(fault, { toxiproxy, proxyName: ENTRY })
    await sleep(lengths.faultMs)
    await injection.undo()
    await sleep(lengths.calmMs)
  }
  const rest = async () => {
    await ask<LoadTotals>(load, 'stop')
    await sleep(REST_MS)
    return ask<Held>(gateway, 'held')
  }
  load.send('start')
  for (let round = 0; round < WARM_UP.rounds; round++) for (const fault of FAULTS) await storm(fault, WARM_UP)
  const samples: SoakSample[] = [{ minutes: 0, fault: 'at rest, warmed up', held: await rest() }]
  const begun = performance.now()
  const note = (fault: string, held: Held) => {
    samples.push({ minutes: (performance.now() - begun) / 60_000, fault, held })
    process.stderr.write(`${fault}: ${(held.heapBytes / 1e6).toFixed(1)} MB\n`)
  }
  load.send('start')
  for (let cycle = 0; cycle < cycles; cycle++) {
    const fault = FAULTS[cycle % FAULTS.length]!
    await storm(fault, { faultMs, calmMs })
    note(`after ${describeFault(fault)}`, await ask<Held>(gateway, 'held'))
  }
  const totals = await ask<LoadTotals>(load, 'totals')
  note('at rest again', await rest())

  const section = soakSection(samples, totals)
  console.log(sectionText(section))
  console.log('\nTargets\n')
  for (const target of section.targets) console.log(`- ${targetText(target)}`)
}

/** One question at a time to one of our own processes. */
function ask<Answer>(child: Child, question: string): Promise<Answer> {
  const gone = child.exited.then(() => {
    throw new Error(`${child.name} ended: ${child.outputTail().trim() || 'it said nothing'}`)
  })
  gone.catch(() => {})
  const answer = new Promise<Answer>(answered => {
    const stop = child.onMessage(message => {
      stop()
      answered(message as Answer)
    })
  })
  child.send(question)
  return Promise.race([answer, gone])
}
