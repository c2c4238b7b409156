// The load generator as a process of its own: on the event loop of a subject it would measure itself.

import { sayReady } from '../child.ts'
import { VoidError } from '../void-error.ts'
import { disperse, gather, greet } from './crowd.ts'
import { bodies, roundTrips } from './exchanges.ts'
import { flood } from './flood.ts'
import { paced } from './paced.ts'

const LOADS = { roundTrips, bodies, paced, gather, greet, disperse, flood }

export type Loads = typeof LOADS

export interface Order {
  name: keyof Loads
  settings: unknown
}

/** The answer to the order before; `void` says why what was measured counts for nothing. */
export type Answer = { value: unknown } | { void: string } | { fault: string }

async function follow({ name, settings }: Order): Promise<Answer> {
  try {
    return { value: await LOADS[name](settings as never) }
  } catch (error) {
    if (error instanceof VoidError) return { void: error.message }
    return { fault: String(error instanceof Error ? error.stack : error) }
  }
}

process.on('message', async (order: Order) => process.send?.(await follow(order)))

sayReady({})
