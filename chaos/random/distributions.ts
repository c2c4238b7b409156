// The shapes that times take: waits between arrivals, service times, latencies.
import type { Random } from './seed.ts'

/** A wait drawn from the exponential distribution, in the unit of `mean`. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random())
}

/** Drawn from the normal distribution. */
export function normal(random: Random, mean: number, deviation: number): number {
  // Box-Muller: two uniform draws make a normal one.
  const radius = Math.sqrt(-2 * Math.log(1 - random()))
  return mean + deviation * radius * Math.cos(2 * Math.PI * random())
}

/** Drawn from the log-normal distribution; `sigma` is the standard deviation of its logarithm. */
export function logNormal(random: Random, median: number, sigma: number): number {
  return median * Math.exp(normal(random, 0, sigma))
}

/** Drawn from the Pareto distribution: never under `least`, and the smaller the `shape`, the longer its tail. */
export function pareto(random: Random, least: number, shape: number): number {
  return least * (1 - random()) ** (-1 / shape)
}
