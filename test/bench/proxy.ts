// `npm run bench -- proxy`: what the embedded chaos proxy costs, beside a bare pipe and, with TOXIPROXY_URL, a real server.
import { connectToxiproxy, type Toxiproxy } from '../../chaos/toxiproxy.ts'
import { inLaboratory, type Laboratory } from './laboratory.ts'
import { measureAccuracy } from './proxy/measure-accuracy.ts'
import { measureBackPressure } from './proxy/measure-back-pressure.ts'
import { measureBodies } from './proxy/measure-bodies.ts'
import { measureIdle } from './proxy/measure-idle.ts'
import { measureRoundTrips } from './proxy/measure-round-trips.ts'
import { startLoad, startOwn } from './proxy/processes.ts'
import { openSubjects } from './proxy/subjects.ts'
import { type Section, sectionText, targetText } from './section.ts'

/** Odd, so that the middle of them is one that was measured. */
const ROUNDS = {
  full: { roundTrips: 21, bodies: 15, accuracy: 5 },
  quick: { roundTrips: 5, bodies: 3, accuracy: 3 },
}

/** Runs the whole bench and prints it. */
export function benchProxy({ isQuick }: { isQuick: boolean }): Promise<void> {
  return inLaboratory(lab => run(lab, isQuick ? ROUNDS.quick : ROUNDS.full))
}

async function run(lab: Laboratory, rounds: (typeof ROUNDS)['full']): Promise<void> {
  const real = await connectReal(process.env.TOXIPROXY_URL)
  const ask = await startLoad(lab)
  const { ports: farEnd } = await startOwn(lab, 'far-end', 0)
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
