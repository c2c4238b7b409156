// What can be broken between a gateway and its upstream. Data only: `inject.ts` does the breaking.
import { z } from 'zod'
import { type Toxic, toxicSchema } from './toxic.ts'

/**
 * One fault of a phase.
 * - `toxic`: a toxic on the arm's proxy entry
 * - `outage`: the proxy entry is switched off, so that connections are refused and live ones closed
 * - `pause`: the process is stopped with SIGSTOP, so that it holds its connections and answers nothing
 */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('toxic'), toxic: toxicSchema }),
  z.strictObject({ kind: z.literal('outage') }),
  z.strictObject({ kind: z.literal('pause'), target: z.enum(['gateway', 'origin']) }),
])
export type Fault = z.infer<typeof faultSchema>

/** The upstream is reached through this toxic. */
export function toxic(value: Toxic): Fault {
  return { kind: 'toxic', toxic: value }
}

/** The upstream refuses connections. */
export function outage(): Fault {
  return { kind: 'outage' }
}

/** The process hangs without dying. Needs a lab that owns its processes. */
export function pause(target: 'gateway' | 'origin'): Fault {
  return { kind: 'pause', target }
}

/** Units of the attributes that have one; a slicer counts its delay in microseconds. */
const UNITS: Record<string, string> = {
  latency: 'ms',
  jitter: 'ms',
  timeout: 'ms',
  delay: 'ms',
  rate: 'kB/s',
  bytes: 'bytes',
  average_size: 'bytes',
  size_variation: 'bytes',
  mean: 'ms',
  deviation: 'ms',
  median: 'ms',
  p99: 'ms',
  least: 'ms',
  after: 'ms',
}

/** A few words for people: "latency 2,000 ms on answers". */
export function describeFault(fault: Fault): string {
  if (fault.kind === 'outage') return 'refused connections'
  if (fault.kind === 'pause') return `paused ${fault.target} process`
  const { type, toxicity, attributes } = fault.toxic
  const settings = Object.entries(attributes)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => {
      if (typeof value === 'object') return rangeOf(name, value)
      const unit = type === 'slicer' && name === 'delay' ? 'µs' : UNITS[name]
      const amount = `${inWords(value)} ${unit}`
      return type.endsWith(name) ? amount : `${name} ${amount}`
    })
  const share = toxicity === 1 ? [] : [`for ${Math.round(toxicity * 100)} % of connections`]
  return [type, ...settings, ...placeOf(fault.toxic), ...share].join(' ')
}

function inWords(value: number): string {
  return value.toLocaleString('en-US')
}

/** A recorded table, which is too long to be told. */
function rangeOf(name: string, values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(inWords)
  return `${inWords(values.length)} ${name} of ${least} to ${most} ms`
}

/** What is done to a connection as a whole is done in neither direction. */
function placeOf({ type, stream }: Toxic): string[] {
  if (type === 'slow_accept' || type === 'close_after') return []
  return [stream === 'downstream' ? 'on answers' : 'on requests']
}
