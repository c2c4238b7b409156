import { normal } from '../../../random/distributions.ts'
import { milliseconds } from '../../pipe.ts'
import { delayKind } from '../delay-kind.ts'

/**
 * Delays each chunk by a time drawn from the normal distribution, in ms; under 0 is none.
 * As with jitter, each chunk draws: an answer in one piece (to 32 KiB) is later by one draw, and one in several, since
 * order is kept, by the longest of theirs.
 */
export const latencyNormal = delayKind({
  attributes: { mean: milliseconds, deviation: milliseconds },
  delayMs: ({ mean, deviation }, random) => normal(random, mean, deviation),
})
