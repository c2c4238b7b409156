// The vocabulary of toxics: one schema for Toxiproxy's eight and for our extensions, and one constructor each.
import { z } from 'zod'

const HOUR_MS = 3_600_000
const milliseconds = z.int().min(0).max(HOUR_MS)
const positiveMilliseconds = z.int().min(1).max(HOUR_MS)
const kilobytesPerSecond = z.int().min(0).max(10_000_000)
const byteCount = z
  .int()
  .min(0)
  .max(2 ** 40)

/** The direction a toxic acts in: `upstream` carries requests, `downstream` carries answers. */
export const streamSchema = z.enum(['upstream', 'downstream'])
export type Stream = z.infer<typeof streamSchema>

function toxicOf<T extends string, A extends z.ZodRawShape>(type: T, attributes: z.ZodObject<A>) {
  return z.strictObject({
    type: z.literal(type),
    name: z.string().regex(/^[\w.-]{1,100}$/, 'letters, digits, _ . - only'),
    stream: streamSchema,
    /** Share of connections it acts on, 0 to 1; drawn once a connection, not once a request. */
    toxicity: z.number().min(0).max(1),
    attributes,
  })
}

const real = [
  toxicOf('latency', z.strictObject({ latency: milliseconds, jitter: milliseconds })),
  toxicOf('bandwidth', z.strictObject({ rate: kilobytesPerSecond })),
  toxicOf('slow_close', z.strictObject({ delay: milliseconds })),
  toxicOf('timeout', z.strictObject({ timeout: milliseconds })),
  toxicOf('reset_peer', z.strictObject({ timeout: milliseconds })),
  toxicOf(
    'slicer',
    z
      .strictObject({
        average_size: z.int().min(1).max(1_000_000),
        size_variation: z.int().min(0).max(999_999),
        delay: z.int().min(0).max(60_000_000),
      })
      .refine(a => a.size_variation < a.average_size, 'size_variation must be less than average_size'),
  ),
  toxicOf('limit_data', z.strictObject({ bytes: byteCount })),
  toxicOf('noop', z.strictObject({})),
] as const

/** Those that the embedded proxy has under `-extensions`, and the real server does not. */
const extensions = [
  toxicOf('latency_normal', z.strictObject({ mean: milliseconds, deviation: milliseconds })),
  toxicOf(
    'latency_log_normal',
    z
      .strictObject({ median: positiveMilliseconds, p99: positiveMilliseconds })
      .refine(a => a.p99 >= a.median, 'p99 must be at least median'),
  ),
  toxicOf(
    'latency_pareto',
    z
      .strictObject({ least: positiveMilliseconds, p99: positiveMilliseconds })
      .refine(a => a.p99 >= a.least, 'p99 must be at least least'),
  ),
  toxicOf('latency_recorded', z.strictObject({ samples: z.array(milliseconds).min(1).max(10_000) })),
  toxicOf('bandwidth_shared', z.strictObject({ rate: kilobytesPerSecond })),
  toxicOf('slow_accept', z.strictObject({ delay: milliseconds })),
  toxicOf('close_after', z.strictObject({ after: milliseconds })),
] as const

/**
 * A toxic as Toxiproxy's API takes it, held to values that are safe on every server:
 * the real one dies of a slicer without a size or a negative rate.
 */
export const toxicSchema = z.discriminatedUnion('type', [...real, ...extensions])
export type Toxic = z.infer<typeof toxicSchema>
export type ToxicType = Toxic['type']

/** Whether the real server would refuse it. */
export function isExtension({ type }: Toxic): boolean {
  return extensions.some(({ shape }) => shape.type.value === type)
}

/** What every constructor takes beside its own settings; `downstream` and 1 unless said otherwise. */
export interface ToxicOptions {
  name?: string
  stream?: Stream
  toxicity?: number
}

function common<T extends ToxicType>(type: T, options: ToxicOptions) {
  const stream = options.stream ?? 'downstream'
  return { type, name: options.name ?? `${type}_${stream}`, stream, toxicity: options.toxicity ?? 1 }
}

/** Delays every chunk by `latencyMs`, give or take `jitterMs`. */
export function latency(settings: { latencyMs: number; jitterMs?: number } & ToxicOptions): Toxic {
  return {
    ...common('latency', settings),
    attributes: { latency: settings.latencyMs, jitter: settings.jitterMs ?? 0 },
  }
}

/** Lets through `kilobytesPerSecond` (1,000 bytes each) a connection; 0 holds everything until it is removed. */
export function bandwidth(settings: { kilobytesPerSecond: number } & ToxicOptions): Toxic {
  return { ...common('bandwidth', settings), attributes: { rate: settings.kilobytesPerSecond } }
}

/** Holds back the end of the stream for `delayMs`. */
export function slowClose(settings: { delayMs: number } & ToxicOptions): Toxic {
  return { ...common('slow_close', settings), attributes: { delay: settings.delayMs } }
}

/** Swallows all data and closes after `timeoutMs` without any; 0 never closes. Its removal closes the connection. */
export function timeout(settings: { timeoutMs: number } & ToxicOptions): Toxic {
  return { ...common('timeout', settings), attributes: { timeout: settings.timeoutMs } }
}

/** Resets the connection (RST) `timeoutMs` after its first data. */
export function resetPeer(settings: { timeoutMs?: number } & ToxicOptions = {}): Toxic {
  return { ...common('reset_peer', settings), attributes: { timeout: settings.timeoutMs ?? 0 } }
}

/** Cuts data into pieces of about `averageBytes`, `delayUs` microseconds apart. */
export function slicer(
  settings: { averageBytes: number; variationBytes?: number; delayUs?: number } & ToxicOptions,
): Toxic {
  return {
    ...common('slicer', settings),
    attributes: {
      average_size: settings.averageBytes,
      size_variation: settings.variationBytes ?? 0,
      delay: settings.delayUs ?? 0,
    },
  }
}

/** Closes the connection once `bytes` have passed. */
export function limitData(settings: { bytes: number } & ToxicOptions): Toxic {
  return { ...common('limit_data', settings), attributes: { bytes: settings.bytes } }
}

/** Changes nothing; it shows that a toxic was there. */
export function noop(settings: ToxicOptions = {}): Toxic {
  return { ...common('noop', settings), attributes: {} }
}

/** Delays every chunk by a draw from the normal distribution; under 0 is none. */
export function normalLatency(settings: { meanMs: number; deviationMs: number } & ToxicOptions): Toxic {
  return {
    ...common('latency_normal', settings),
    attributes: { mean: settings.meanMs, deviation: settings.deviationMs },
  }
}

/** Delays every chunk by a draw from the log-normal distribution: half are under `medianMs`, 99 % under `p99Ms`. */
export function logNormalLatency(settings: { medianMs: number; p99Ms: number } & ToxicOptions): Toxic {
  return {
    ...common('latency_log_normal', settings),
    attributes: { median: settings.medianMs, p99: settings.p99Ms },
  }
}

/** Delays every chunk by a draw from the Pareto distribution: none is under `leastMs`, 99 % are under `p99Ms`, and the tail is long. */
export function paretoLatency(settings: { leastMs: number; p99Ms: number } & ToxicOptions): Toxic {
  return {
    ...common('latency_pareto', settings),
    attributes: { least: settings.leastMs, p99: settings.p99Ms },
  }
}

/** Delays every chunk by one of `samplesMs`, each as likely as any other. */
export function recordedLatency(settings: { samplesMs: readonly number[] } & ToxicOptions): Toxic {
  return { ...common('latency_recorded', settings), attributes: { samples: [...settings.samplesMs] } }
}

/** Lets through `kilobytesPerSecond` of all connections together, by turns; 0 holds everything until it is removed. */
export function sharedBandwidth(settings: { kilobytesPerSecond: number } & ToxicOptions): Toxic {
  return { ...common('bandwidth_shared', settings), attributes: { rate: settings.kilobytesPerSecond } }
}

/** Lets a new connection wait for `delayMs` before its upstream is dialled. */
export function slowAccept(settings: { delayMs: number } & ToxicOptions): Toxic {
  return { ...common('slow_accept', settings), attributes: { delay: settings.delayMs } }
}

/** Closes every connection `afterMs` from when it was accepted, however busy it is. */
export function closeAfter(settings: { afterMs: number } & ToxicOptions): Toxic {
  return { ...common('close_after', settings), attributes: { after: settings.afterMs } }
}
