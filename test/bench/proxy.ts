// `npm run bench -- proxy`: what the embedded chaos proxy costs, beside a bare pipe and, with TOXIPROXY_URL, a real server.
import { once } from 'node:events'
import { connectToxiproxy, type Toxiproxy } from '../../chaos/toxiproxy.ts'
import { Laboratory } from './proxy/laboratory.ts'
import { measureAccuracy } from './proxy/measure-accuracy.ts'
import { measureBackPressure } from './proxy/measure-back-pressure.ts'
import { measureBodies } from './proxy/measure-bodies.ts'
import { measureIdle } from './proxy/measure-idle.ts'
import { measureRoundTrips } from './proxy/measure-round-trips.ts'
import { type Section, sectionText, targetText } from './proxy/section.ts'
import { openSubjects } from './proxy/subjects.ts'

/** Odd, so that the middle of them is one that was measured. */
const ROUNDS = {
  full: { roundTrips: 21, bodies: 15, accuracy: 5 },
  quick: { roundTrips: 5, bodies: 3, accuracy: 3 },
}
const EXIT_INTERRUPTED = 130

/** Runs the whole bench and prints it; what it started has ended when this settles, Ctrl-C included. */
export async function benchProxy({ isQuick }: { isQuick: boolean }): Promise<void> {
  const lab = new Laboratory()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const interruption = Promise.race(signals.map(signal => once(process, signal)))
  const running = run(lab, isQuick ? ROUNDS.quick : ROUNDS.full)
  running.catch(() => {}) // once interrupted, it fails at its next step
  try {
    const signal = await Promise.race([running, interruption])
    if (signal === undefined) return
    process.stderr.write(`${signal[0]}: ending what was started\n`)
    await lab.close()
    process.exit(EXIT_INTERRUPTED)
  } finally {
    await lab.close()
  }
}

async function run(lab: Laboratory, rounds: (typeof ROUNDS)['full']): Promise<void> {
  const real = await connectReal(process.env.TOXIPROXY_URL)
  const ask = await lab.startLoad()
  const { ports: farEnd } = await lab.startOwn('far-end', 0)
  const subjects = await openSubjects(lab, farEnd, real)
  const sections: Section[] = []
  sections.push(...(await measureRoundTrips(ask, subjects, rounds.roundTrips)))
  tell('round trips done')
  const withBodies = subjects.filter(({ ports }) => ports.bodies !== undefined)
  sections.push(await measureBodies(ask, withBodies, rounds.bodies))
  tell('bodies done')
  sections.push(await measureAccuracy(ask, subjects, rounds.accuracy))
  tell('accuracy done')
  sections.push(await measureIdle(lab, ask, farEnd))
  tell('idle connections done')
  sections.push(await measureBackPressure(lab, ask, farEnd, real))

  const { roundTrips, bodies, accuracy } = rounds
  console.log(
    `\n${roundTrips}, ${bodies} and ${accuracy} rounds of round trips, bodies and accuracy, medians (least–most of the rounds); Node ${process.version}`,
  )
  for (const section of sections) console.log(sectionText(section))
  console.log('\nTargets\n')
  for (const target of sections.flatMap(({ targets }) => targets)) console.log(`- ${targetText(target)}`)
  if (real === undefined) console.log('\nWith TOXIPROXY_URL set there are rows for a real server too.')
}

async function connectReal(url: string | undefined): Promise<Toxiproxy | undefined> {
  return url === undefined || url === '' ? undefined : connectToxiproxy(url)
}

const tell = (progress: string) => process.stderr.write(`${progress}\n`)
