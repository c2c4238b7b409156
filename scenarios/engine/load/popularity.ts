// Which keys are asked for how often.
import type { Random } from '../../../chaos/random/seed.ts'

/** Shares of `count` ranks under Zipf's law, the most popular first: share k is proportional to k^-exponent. */
export function zipfShares(count: number, exponent: number): Float64Array {
  const shares = Float64Array.from({ length: count }, (_, index) => (index + 1) ** -exponent)
  const total = shares.reduce((sum, share) => sum + share, 0)
  return shares.map(share => share / total)
}

/** Draws ranks 1 to `count` by Zipf's law, exactly: from a table of the summed shares. */
export function zipf(random: Random, count: number, exponent: number): () => number {
  const summed = zipfShares(count, exponent)
  for (let index = 1; index < count; index++) summed[index]! += summed[index - 1]!
  // Rounding must not leave a gap under 1.
  summed[count - 1] = 1
  return () => firstAbove(summed, random()) + 1
}

/** All of 1 to `count`, each once, shuffled (Fisher-Yates). */
export function shuffledRanks(random: Random, count: number): Uint32Array {
  const ranks = Uint32Array.from({ length: count }, (_, index) => index + 1)
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const kept = ranks[last]!
    ranks[last] = ranks[other]!
    ranks[other] = kept
  }
  return ranks
}

function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
