// How late the generator ran, and whether that still lets its numbers stand.
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import { LAG_GATE_MS, type Percentiles } from '../../report/report.ts'

const MINUTE_US = 60_000_000

/** A histogram of lags, to 3 digits, in microseconds up to a minute. */
export class LagRecorder {
  readonly #histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MINUTE_US,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  })

  record(lagMs: number): void {
    this.#histogram.recordValue(Math.min(MINUTE_US, Math.max(0, Math.round(lagMs * 1_000))))
  }

  percentiles(): Percentiles {
    const samples = this.#histogram.totalCount
    if (samples === 0) return { samples, p50: null, p95: null, p99: null, max: null }
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1_000
    return { samples, p50: at(50), p95: at(95), p99: at(99), max: this.#histogram.maxValue / 1_000 }
  }

  /** Compressed V2, base64: any HdrHistogram reads and merges it. */
  encoded(): string {
    return encodeIntoCompressedBase64(this.#histogram)
  }
}

/** Whether a run's numbers may stand: lag p50 ≤ 2 ms, p99 ≤ 10 ms, nothing dropped, and something was sent. */
export function isInsideGate(lagMs: Percentiles, dropped: number): boolean {
  if (lagMs.p50 === null || lagMs.p99 === null) return false
  return dropped === 0 && lagMs.p50 <= LAG_GATE_MS.p50 && lagMs.p99 <= LAG_GATE_MS.p99
}
