// Counts of instructions as a table, and what they say of the targets. Pure functions.
import { figure, type Section, type Target, target } from '../section.ts'

/** Instructions a request of one row. */
export interface Counted {
  name: string
  instructions: number
}

const STORED = { bare: 'bare node:http, the same bytes', ours: 'gateway, memory cache, all guards' }
const PASSED = { peer: '@fastify/http-proxy', all: 'gateway, all guards', none: 'gateway, no guards' }

export function instructionsSection(counted: readonly Counted[]): Section {
  const of = (name: string) => counted.find(row => row.name === name)?.instructions
  const share = (one: number | undefined, other: number | undefined) =>
    one === undefined || other === undefined ? undefined : one / other
  const none = of(PASSED.none)
  return {
    title: 'Instructions a request, in thousands',
    head: ['row', 'instructions', 'to the first of its kind', 'over no guards'],
    rows: counted.map(({ name, instructions }, index) => {
      const first = index < 3 ? of(STORED.bare) : of(PASSED.peer)
      const isGuarded = name.startsWith('gateway') && index > 2 && name !== PASSED.none
      return [
        name,
        figure(instructions / 1000, 1),
        figure(share(instructions, first), 2),
        figure(isGuarded && none !== undefined ? (instructions - none) / 1000 : undefined, 1),
      ]
    }),
    targets: [
      atLeast(
        'a stored answer: what bare node:http takes, to what the gateway does',
        share(of(STORED.bare), of(STORED.ours)),
        0.75,
      ),
      atLeast(
        'passed on with all guards: what @fastify/http-proxy takes, to what the gateway does',
        share(of(PASSED.peer), of(PASSED.all)),
        1.3,
      ),
      atLeast('passed on with no guards: the same', share(of(PASSED.peer), none), 1.7),
    ],
  }
}

/** The targets are of requests a second; this is the part of them that is the programs' own. */
function atLeast(claim: string, ratio: number | undefined, least: number): Target {
  return target(`${claim}, at least ${least}`, ratio, value => value >= least, figure(ratio, 2))
}
