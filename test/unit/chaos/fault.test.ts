import { describe, expect, test } from 'vitest'
import { describeFault, toxic } from '../../../chaos/fault.ts'
import * as make from '../../../chaos/toxic.ts'

describe('a fault in words', () => {
  test.each([
    [make.latency({ latencyMs: 2_000 }), 'latency 2,000 ms on answers'],
    [
      make.slicer({ averageBytes: 100, delayUs: 50, stream: 'upstream' }),
      'slicer average_size 100 bytes delay 50 µs on requests',
    ],
    [
      make.normalLatency({ meanMs: 100, deviationMs: 20 }),
      'latency_normal mean 100 ms deviation 20 ms on answers',
    ],
    [
      make.logNormalLatency({ medianMs: 100, p99Ms: 1_000, toxicity: 0.3 }),
      'latency_log_normal median 100 ms p99 1,000 ms on answers for 30 % of connections',
    ],
    [
      make.paretoLatency({ leastMs: 20, p99Ms: 800, stream: 'upstream' }),
      'latency_pareto least 20 ms p99 800 ms on requests',
    ],
    [
      make.recordedLatency({ samplesMs: [80, 1_200, 5] }),
      'latency_recorded 3 samples of 5 to 1,200 ms on answers',
    ],
    [make.sharedBandwidth({ kilobytesPerSecond: 500 }), 'bandwidth_shared rate 500 kB/s on answers'],
    [make.slowAccept({ delayMs: 300 }), 'slow_accept delay 300 ms'],
    [make.closeAfter({ afterMs: 5_000, toxicity: 0.5 }), 'close_after 5,000 ms for 50 % of connections'],
  ])('has its units, and what it is done to: $type', (value, words) => {
    expect(describeFault(toxic(value))).toBe(words)
  })
})
