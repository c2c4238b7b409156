// The lab: everything the runner can reach, however it came to be there.

import type { Guardian } from '../../../chaos/guard-run.ts'
import type { HeldLease } from '../../../chaos/lease.ts'
import type { Child } from '../../../chaos/supervise.ts'
import type { Toxiproxy } from '../../../chaos/toxiproxy.ts'
import { lineOf } from '../run-error.ts'
import type { Arm } from '../scenario.ts'

/** One gateway with its entry in the chaos proxy and its origin. */
export interface LabArm {
  arm: Arm
  /** Where the load goes: the gateway, or the chaos proxy's entry for a direct arm. */
  loadUrl: string
  /** Straight through the chaos proxy, round the gateway. */
  entryUrl: string
  /** The Host that the upstream is asked for, where the entry's own address would not do. */
  host?: string
  /** Name of the entry in the chaos proxy. */
  entry: string
  /** Absent for a direct arm. */
  adminUrl?: string
  /** The sample service's own address, for its counts; absent where the upstream is somebody's own. */
  originUrl?: string
  /** Processes, in a lab that owns them. */
  gateway?: Child
  origin?: Child
}

export interface CleanUp {
  proven: boolean
  detail: string
}

export interface Lab {
  kind: 'local' | 'attached'
  toxiproxy: Toxiproxy
  toxiproxyKind: 'embedded' | 'server'
  toxiproxyVersion: string
  adminToken?: string
  guardian: Guardian
  /** Undoes the faults should the guardian die with us; null where the server knows none, or is our own and ends with us. */
  lease: HeldLease | null
  load: Child
  /** The embedded chaos proxy, where that is what is used. */
  chaosProxy?: Child
  arms: LabArm[]
  /** Undoes and ends everything that this lab began; never throws. */
  close(): Promise<CleanUp>
}

/** The address of an arm in the load's eyes: what a gateway serves under /proxy, a direct arm serves at its root. */
export function pathIn(arm: Arm, path: string): string {
  return arm.through === 'direct' ? path.replace(/^\/proxy(?=\/)/, '') : path
}

/** An upstream as Toxiproxy names it: host:port. */
export function hostAndPort(url: string): string {
  const { hostname, port } = new URL(url)
  return `${hostname}:${port || '80'}`
}

/** What must be undone, in three stages: entries in a foreign server, then our processes, then those who guard the rest. */
const STAGES = ['entries', 'processes', 'guardian'] as const

/** The undo steps of a lab; a stage's steps run together, each whatever the others did. */
export class Closers {
  private steps: { stage: (typeof STAGES)[number]; what: string; close: () => Promise<unknown> }[] = []

  add(stage: (typeof STAGES)[number], what: string, close: () => Promise<unknown>): void {
    this.steps.push({ stage, what, close })
  }

  async run(): Promise<CleanUp> {
    const steps = this.steps.splice(0)
    const failures: string[] = []
    for (const stage of STAGES) {
      await Promise.all(
        steps
          .filter(step => step.stage === stage)
          .map(({ what, close }) => close().catch(error => failures.push(`${what}: ${lineOf(error)}`))),
      )
    }
    return failures.length === 0
      ? { proven: true, detail: 'every fault read back as gone, every process ended' }
      : { proven: false, detail: failures.join('; ') }
  }
}

/** Outlives a runner that is held up for a second, and ends within 2 s of one that is dead. */
const LEASE = { ttlMs: 1_500, renewEveryMs: 400 }

/** Takes a lease on a server that outlives the run, before anything is put in; null where it knows none. */
export async function leaseOn(toxiproxy: Toxiproxy, closers: Closers): Promise<HeldLease | null> {
  const lease = await toxiproxy.holdLease(LEASE)
  if (lease !== null) closers.add('guardian', 'lease', () => lease.release())
  return lease
}
