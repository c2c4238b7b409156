import { type Chunk, kilobytesPerSecond, type Pipe, toxicKind } from '../pipe.ts'

const TICK_MS = 100
const TIMER_ERROR_MS = 10

/** Lets through `rate` KB (1,000 bytes) a second; 0 holds everything until it is changed or removed. */
export const bandwidth = toxicKind({
  attributes: { rate: kilobytesPerSecond },
  async run(pipe, { rate }) {
    let paidUntil = 0
    for await (const chunk of pipe) {
      paidUntil = rate === 0 ? Number.POSITIVE_INFINITY : owedSince(paidUntil) + chunk.data.length / rate
      await payOut(pipe, chunk, rate, paidUntil)
    }
  },
})

/** When a line that is paid until then begins to carry what comes next. */
export function owedSince(paidUntil: number): number {
  const now = performance.now()
  // A late timer is made up for by the next chunk; idle time is not saved up.
  return now - paidUntil < TIMER_ERROR_MS ? paidUntil : now
}

/** Writes the chunk so that its last byte leaves at `paidUntil`; at most a tick's worth in one piece. */
async function payOut(pipe: Pipe, chunk: Chunk, rate: number, paidUntil: number): Promise<void> {
  const pieceBytes = rate * TICK_MS
  let { data } = chunk
  while (rate > 0 && data.length > pieceBytes && !pipe.isInterrupted) {
    const restBytes = data.length - pieceBytes
    await pipe.sleepUntil(paidUntil - restBytes / rate)
    if (pipe.isInterrupted) break
    pipe.write({ ...chunk, data: data.subarray(0, pieceBytes) })
    data = data.subarray(pieceBytes)
  }
  await pipe.sleepUntil(paidUntil)
  pipe.write({ ...chunk, data })
}
