import { milliseconds } from '../pipe.ts'
import { delayKind } from './delay-kind.ts'

/** Delays each chunk by `latency` ± `jitter` ms from when it was received; order is kept, a result under 0 is none. */
export const latency = delayKind({
  attributes: { latency: milliseconds, jitter: milliseconds },
  delayMs: ({ latency, jitter }, random) => latency + jitterMs(jitter, random),
})

/** A whole number of ms in [-jitter, jitter - 1], as the real server draws it. */
export function jitterMs(jitter: number, random: () => number): number {
  return jitter === 0 ? 0 : Math.floor(random() * jitter * 2) - jitter
}
