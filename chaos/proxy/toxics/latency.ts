import { milliseconds, toxicKind } from '../pipe.ts'

/** Delays each chunk by `latency` ± `jitter` ms from when it was received; order is kept, a result under 0 is none. */
export const latency = toxicKind({
  attributes: { latency: milliseconds, jitter: milliseconds },
  bufferedChunks: 1024,
  async run(pipe, { latency, jitter }) {
    for await (const chunk of pipe) {
      const delayMs = latency + jitterMs(jitter, pipe.random)
      if (delayMs <= 0) {
        pipe.write(chunk)
        continue
      }
      await pipe.sleepUntil(chunk.receivedAt + delayMs)
      // Received later as far as the next toxic is concerned, so that two latencies add up.
      const receivedAt = pipe.isInterrupted ? chunk.receivedAt : chunk.receivedAt + delayMs
      pipe.write({ data: chunk.data, receivedAt })
    }
  },
})

/** A whole number of ms in [-jitter, jitter - 1], as the real server draws it. */
export function jitterMs(jitter: number, random: () => number): number {
  return jitter === 0 ? 0 : Math.floor(random() * jitter * 2) - jitter
}
