// How slow a latency that is drawn from a distribution mostly is.
import type { Toxic } from '../../chaos/toxic.ts'

export type DrawnLatency = Extract<Toxic, { type: `latency_${string}` }>

/** Of the standard normal distribution, how far from its middle nine in ten and 99 in 100 begin or end. */
const STANDARD = { p90: 1.2816, p99: 2.3263 }

/** Nine in ten draws are at least `low` and nine in ten at most `high`, in ms. */
export function tenthsOf({ type, attributes }: DrawnLatency): { low: number; high: number } {
  switch (type) {
    case 'latency_normal': {
      const { mean, deviation } = attributes
      return { low: mean - STANDARD.p90 * deviation, high: mean + STANDARD.p90 * deviation }
    }
    case 'latency_log_normal': {
      const { median, p99 } = attributes
      const factor = (p99 / median) ** (STANDARD.p90 / STANDARD.p99)
      return { low: median / factor, high: median * factor }
    }
    case 'latency_pareto': {
      const { least, p99 } = attributes
      const quantile = (share: number) => least * (p99 / least) ** (Math.log(1 - share) / Math.log(0.01))
      return { low: quantile(0.1), high: quantile(0.9) }
    }
    case 'latency_recorded': {
      const sorted = attributes.samples.toSorted((a, b) => a - b)
      const tenth = Math.floor(sorted.length / 10)
      return { low: sorted[tenth] ?? 0, high: sorted[sorted.length - 1 - tenth] ?? 0 }
    }
  }
}
