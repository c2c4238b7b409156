import { normal } from '../../../random/distributions.ts'
import { milliseconds } from '../../pipe.ts'
import { delayKind } from '../delay-kind.ts'

/** Delays each chunk by a draw from the normal distribution, in ms; under 0 is none. */
export const latencyNormal = delayKind({
  attributes: { mean: milliseconds, deviation: milliseconds },
  delayMs: ({ mean, deviation }, random) => normal(random, mean, deviation),
})
