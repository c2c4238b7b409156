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

/** A few words for people: "latency 2,000 ms on answers". */
export function describeFault(fault: Fault): string {
  if (fault.kind === 'outage') return 'upstream refuses connections'
  if (fault.kind === 'pause') return `${fault.target} process paused`
  const { type, stream, toxicity, attributes } = fault.toxic
  const settings = Object.entries(attributes)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => (name === type ? `${value}` : `${name} ${value}`))
  const share = toxicity === 1 ? [] : [`${Math.round(toxicity * 100)} % of connections`]
  const path = stream === 'downstream' ? 'on answers' : 'on requests'
  return [type, ...settings, path, ...share].join(' ')
}
