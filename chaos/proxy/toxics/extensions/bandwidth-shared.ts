import { type Chunk, kilobytesPerSecond, type Pipe, toxicKind } from '../../pipe.ts'

const PIECE_MS = 20
const TIMER_ERROR_MS = 10

/**
 * Lets through `rate` KB (1,000 bytes) a second, of all connections of the proxy together; 0 holds everything.
 * They take turns: each waits for one piece at a time, 20 ms of the line or less, so that none is kept from it.
 */
export const bandwidthShared = toxicKind({
  attributes: { rate: kilobytesPerSecond },
  async run(pipe, { rate }) {
    for await (const chunk of pipe) await payOut(pipe, chunk, rate)
  },
})

async function payOut(pipe: Pipe, chunk: Chunk, rate: number): Promise<void> {
  let { data } = chunk
  while (data.length > 0 && !pipe.isInterrupted) {
    const piece = data.subarray(0, Math.max(1, rate * PIECE_MS))
    await pipe.sleepUntil(reserve(pipe.shared, piece.length, rate))
    if (pipe.isInterrupted) break
    pipe.write({ ...chunk, data: piece })
    data = data.subarray(piece.length)
  }
  if (data.length > 0) pipe.write({ ...chunk, data })
}

/** Takes the next turn on the line, and says when it has been paid for. */
function reserve(shared: Map<string, number>, bytes: number, rate: number): number {
  const now = performance.now()
  const before = shared.get('paidUntil') ?? 0
  // A late timer is made up for by the next turn; idle time is not saved up.
  const paidUntil = (now - before < TIMER_ERROR_MS ? before : now) + bytes / rate
  shared.set('paidUntil', paidUntil)
  return paidUntil
}
