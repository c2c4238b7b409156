import { logNormal } from '../../../random/distributions.ts'
import { positiveMilliseconds } from '../../pipe.ts'
import { delayKind } from '../delay-kind.ts'

/** 99 % of the standard normal distribution are under this. */
const STANDARD_P99 = 2.3263479

/** Delays each chunk by a draw from the log-normal distribution with this median and 99th percentile, in ms. */
export const latencyLogNormal = delayKind({
  attributes: { median: positiveMilliseconds, p99: positiveMilliseconds },
  contradiction({ median, p99 }) {
    return p99 >= median ? undefined : `p99 must be at least median, got ${p99} and ${median}`
  },
  delayMs({ median, p99 }, random) {
    return logNormal(random, median, Math.log(Math.max(1, p99 / median)) / STANDARD_P99)
  },
})
