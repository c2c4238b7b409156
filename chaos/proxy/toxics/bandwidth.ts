import { type Chunk, kilobytesPerSecond, type Pipe, toxicKind } from '../pipe.ts'

const TICK_MS = 100

/** Lets through `rate` KB (1,000 bytes) a second; 0 holds everything until it is changed or removed. */
export const bandwidth = toxicKind({
  attributes: { rate: kilobytesPerSecond },
  async run(pipe, { rate }) {
    let lateMs = 0
    for await (const chunk of pipe) {
      // What timers were late by is made up for; idle time is not saved up.
      const dueAt =
        rate === 0 ? Number.POSITIVE_INFINITY : performance.now() - lateMs + chunk.data.length / rate
      await payOut(pipe, chunk, rate, dueAt)
      lateMs = performance.now() - dueAt
    }
  },
})

/** Writes the chunk so that its last byte leaves at `dueAt`; at most a tick's worth in one piece. */
async function payOut(pipe: Pipe, chunk: Chunk, rate: number, dueAt: number): Promise<void> {
  const pieceBytes = rate * TICK_MS
  let { data } = chunk
  while (rate > 0 && data.length > pieceBytes && !pipe.isInterrupted) {
    const restBytes = data.length - pieceBytes
    await pipe.sleepUntil(dueAt - restBytes / rate)
    if (pipe.isInterrupted) break
    pipe.write({ ...chunk, data: data.subarray(0, pieceBytes) })
    data = data.subarray(pieceBytes)
  }
  await pipe.sleepUntil(dueAt)
  pipe.write({ ...chunk, data })
}
