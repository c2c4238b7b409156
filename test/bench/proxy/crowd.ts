// Many connections at once that do nothing.

import { VoidError } from '../void-error.ts'
import { openProbe, type ProbeSocket } from './socket.ts'

const AT_ONCE = 100
const ANSWERS_WITHIN_MS = 10_000
const MESSAGE = Buffer.from('x')

let crowd: ProbeSocket[] = []
let lost = 0

/** Opens `count` connections and keeps them. */
export async function gather({ port, count }: { port: number; count: number }): Promise<void> {
  disperse()
  while (crowd.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - crowd.length) }, () =>
      openProbe(port, { bufferBytes: 64 }),
    )
    for (const probe of await Promise.all(batch)) {
      probe.onLost = () => {
        lost += 1
      }
      crowd.push(probe)
    }
  }
}

/**
 * Sends one small message over each connection there is, and waits until all came back.
 * @throws VoidError when one did not, or a connection was lost before
 */
export async function greet(): Promise<void> {
  const end = performance.now() + ANSWERS_WITHIN_MS
  let answered = 0
  for (let first = 0; first < crowd.length; first += AT_ONCE) {
    const batch = crowd.slice(first, first + AT_ONCE)
    for (const probe of batch) {
      probe.onPiece = piece => {
        answered += piece.length
      }
      probe.socket.write(MESSAGE)
    }
    const wanted = first + batch.length
    while (answered < wanted && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 1))
  }
  if (answered !== crowd.length || lost > 0) {
    throw new VoidError(`${answered} of ${crowd.length} connections answered, ${lost} were lost`)
  }
}

export function disperse(): void {
  for (const probe of crowd) {
    probe.onLost = () => {}
    probe.socket.destroy()
  }
  crowd = []
  lost = 0
}
