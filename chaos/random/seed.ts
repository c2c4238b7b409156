// Chance that can be repeated: one small generator, and named streams of it that do not disturb each other.

/** Draws a number from [0, 1). */
export type Random = () => number

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const WARM_UP_ROUNDS = 12

/**
 * The stream called `name` of a seed: the same two always give the same draws, and two names give unrelated ones,
 * so that a new use of chance changes none of the others.
 *
 * sfc32 by Chris Doty-Humphrey (PractRand, "Small Fast Counting"): 128 bits of state, period about 2^127, passes
 * PractRand and BigCrush. Its state is filled from the FNV-1a hashes of seed and name. 32 random bits a draw.
 */
export function randomStream(seed: number | bigint, name: string): Random {
  let a = fnv1a(name, FNV_OFFSET)
  let b = fnv1a(String(seed), FNV_OFFSET)
  let c = fnv1a(String(seed), a)
  let counter = 1
  const draw = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let round = 0; round < WARM_UP_ROUNDS; round++) draw()
  return draw
}

function fnv1a(text: string, start: number): number {
  let hash = start
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME)
  return hash | 0
}
