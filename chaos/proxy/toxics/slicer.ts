import { toxicKind } from '../pipe.ts'

/** Cuts each chunk into pieces of `average_size` ± `size_variation` bytes, `delay` microseconds after each. */
export const slicer = toxicKind({
  attributes: {
    average_size: { least: 1, most: 1_000_000 },
    size_variation: { least: 0, most: 999_999 },
    delay: { least: 0, most: 60_000_000 },
  },
  contradiction({ average_size, size_variation }) {
    if (size_variation < average_size) return undefined
    return `size_variation must be less than average_size, got ${size_variation} and ${average_size}`
  },
  async run(pipe, { average_size, size_variation, delay }) {
    // A timer's grain is a thousand times coarser than the unit: due times add up, so that errors do not.
    let due = 0
    for await (const chunk of pipe) {
      due = Math.max(due, performance.now())
      let sent = 0
      for (const end of sliceEnds(chunk.data.length, average_size, size_variation, pipe.random)) {
        if (pipe.isInterrupted) break
        pipe.write({ ...chunk, data: chunk.data.subarray(sent, end) })
        sent = end
        due += delay / 1_000
        await pipe.sleepUntil(due)
      }
      if (sent < chunk.data.length) pipe.write({ ...chunk, data: chunk.data.subarray(sent) })
    }
  },
})

/**
 * Where the pieces of `length` bytes end: halves, halved again until a piece exceeds the average by no more than the
 * variation; each cut is moved by up to the variation. `sliceEnds(64, 8, 0, …)` is 8, 16, 24 … 64.
 * A size of 0 cuts nothing, and no piece is empty: on both the real server overflows its stack.
 */
export function sliceEnds(
  length: number,
  average: number,
  variation: number,
  random: () => number,
): number[] {
  const ends: number[] = []
  const cut = (start: number, end: number) => {
    if (average === 0 || end - start - average <= variation || end - start < 2) {
      ends.push(end)
      return
    }
    const moved = Math.floor((start + end) / 2) + Math.floor(random() * variation * 2) - variation
    const middle = Math.min(Math.max(moved, start + 1), end - 1)
    cut(start, middle)
    cut(middle, end)
  }
  cut(0, length)
  return ends
}
