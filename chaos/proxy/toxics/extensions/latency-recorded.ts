import { milliseconds } from '../../pipe.ts'
import { delayKind } from '../delay-kind.ts'

/** Delays each chunk by one of the `samples`, in ms, each as likely as any other: latencies that somebody has measured. */
export const latencyRecorded = delayKind({
  attributes: { samples: { ...milliseconds, mostItems: 10_000 } },
  delayMs: ({ samples }, random) => samples[Math.floor(random() * samples.length)] ?? 0,
})
