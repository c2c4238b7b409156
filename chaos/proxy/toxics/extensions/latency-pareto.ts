import { pareto } from '../../../random/distributions.ts'
import { positiveMilliseconds } from '../../pipe.ts'
import { delayKind } from '../delay-kind.ts'

/**
 * Delays each chunk by a draw from the Pareto distribution with this minimum and 99th percentile, in ms: a service that
 * is mostly quick, with a long tail. It has no upper end: one draw in a thousand is over p99 · √(p99 ÷ least).
 */
export const latencyPareto = delayKind({
  attributes: { least: positiveMilliseconds, p99: positiveMilliseconds },
  contradiction({ least, p99 }) {
    return p99 >= least ? undefined : `p99 must be at least least, got ${p99} and ${least}`
  },
  delayMs({ least, p99 }, random) {
    return pareto(random, least, Math.log(100) / Math.log(Math.max(1, p99 / least)))
  },
})
