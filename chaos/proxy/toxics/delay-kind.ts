import type { Random } from '../../random/seed.ts'
import { type Attributes, type ToxicKind, type ToxicValues, toxicKind } from '../pipe.ts'

/** What tells one kind of latency from another. */
interface Delay<A extends Attributes> {
  attributes: A
  contradiction?(values: ToxicValues<A>): string | undefined
  /** Asked for each chunk; a result under 0 is none. */
  delayMs(values: ToxicValues<A>, random: Random): number
}

/**
 * A kind of toxic that holds each chunk for a time from when it was received, and keeps their order.
 * Each chunk draws for itself: an answer that comes in one (to 32 KiB) is later by one draw, and one that comes in
 * several is whole when the slowest of them has passed.
 */
export function delayKind<const A extends Attributes>({ delayMs, ...kind }: Delay<A>): ToxicKind {
  return toxicKind<A>({
    ...kind,
    bufferedChunks: 1024,
    async run(pipe, values) {
      for await (const chunk of pipe) {
        const ms = delayMs(values, pipe.random)
        // Senseless values, which the API takes, may have drawn what is no number.
        if (!(ms > 0)) {
          pipe.write(chunk)
          continue
        }
        await pipe.sleepUntil(chunk.receivedAt + ms)
        // Received later as far as the next toxic is concerned, so that two latencies add up.
        const receivedAt = pipe.isInterrupted ? chunk.receivedAt : chunk.receivedAt + ms
        pipe.write({ data: chunk.data, receivedAt })
      }
    },
  })
}
