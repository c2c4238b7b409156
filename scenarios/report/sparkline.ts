// A row of numbers as a row of Unicode bars, for terminals and Markdown.

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** What a bar of no height and one of full height stand for. */
export interface SparklineScale {
  lowest: number
  highest: number
}

/** Latencies from 1 ms to 2 s: what a user feels as at once, and as broken. */
export const LATENCY_SCALE: SparklineScale = { lowest: 1, highest: 2_000 }

/**
 * One bar a value on a log scale; a gap where nothing was measured. Over `width` values, each bar shows the worst
 * (highest) of its neighbours, because percentiles must not be averaged.
 */
export function sparkline(values: (number | null)[], scale: SparklineScale, width = values.length): string {
  return worstOf(values, width)
    .map(value => (value === null ? '·' : BARS[step(value, scale)]))
    .join('')
}

function step(value: number, { lowest, highest }: SparklineScale): number {
  const share = Math.log(Math.max(value, lowest) / lowest) / Math.log(highest / lowest)
  return Math.min(BARS.length - 1, Math.floor(share * BARS.length))
}

function worstOf(values: (number | null)[], width: number): (number | null)[] {
  if (values.length <= width) return values
  return Array.from({ length: width }, (_, index) => {
    const from = Math.floor((index * values.length) / width)
    const to = Math.floor(((index + 1) * values.length) / width)
    const measured = values.slice(from, to).filter(value => value !== null)
    return measured.length === 0 ? null : Math.max(...measured)
  })
}
