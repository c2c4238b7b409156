// Puts a fault in and returns its undo.
import type { ControlCall } from './control-call.ts'
import type { Fault } from './fault.ts'
import type { Guardian } from './guard-run.ts'
import { ignoreNotFound, type Toxiproxy, ToxiproxyError } from './toxiproxy.ts'

/** A process that can be stopped in its tracks and set going again; both resolve when the system shows it. */
export interface Pausable {
  pause(): Promise<void>
  resume(): Promise<void>
}

/** Where a fault goes: an entry of a chaos proxy, and the processes around it where the lab owns them. */
export interface FaultTarget {
  toxiproxy: Toxiproxy
  proxyName: string
  processes?: Partial<Record<'gateway' | 'origin', Pausable>>
  /** Undoes the fault should we die. */
  guardian?: Pick<Guardian, 'remember' | 'done'>
}

/** A fault that is in. */
export interface Injection {
  /** When the server had acknowledged it, in epoch milliseconds with fractions. */
  acknowledgedAt: number
  /** Takes the fault back and reads back that it is gone; any number of times. Throws when it is not gone. */
  undo(): Promise<void>
}

interface Steps {
  inject(): Promise<void>
  undo(): Promise<void>
  /** Says what is still there, or null when the fault is gone, be it with its proxy. */
  remains(): Promise<string | null>
  /** How a stranger undoes it. A pause needs none: the guardian resumes every process it watches. */
  undoCall?: ControlCall
}

/**
 * Injects the fault; the guardian knows how to undo it before it is in.
 * @throws when the target refuses it, or cannot take it
 */
export async function inject(fault: Fault, target: FaultTarget): Promise<Injection> {
  const steps = stepsFor(fault, target)
  const remembered = steps.undoCall && target.guardian?.remember(steps.undoCall)
  const forget = () => {
    if (remembered !== undefined) target.guardian?.done(remembered)
  }
  try {
    await steps.inject()
  } catch (error) {
    // Refused, it is not in. Without an answer it may be, and the guardian keeps its order.
    if (error instanceof ToxiproxyError && error.status !== null) forget()
    throw error
  }
  const acknowledgedAt = performance.timeOrigin + performance.now()

  let undone: Promise<void> | undefined
  const undoAndCheck = async () => {
    await steps.undo()
    const remains = await steps.remains()
    if (remains !== null) throw new Error(`The fault is still in: ${remains}. Remove it by hand`)
    forget()
  }
  return {
    acknowledgedAt,
    undo() {
      undone ??= undoAndCheck().catch(error => {
        undone = undefined // the next call tries again
        throw error
      })
      return undone
    },
  }
}

function stepsFor(fault: Fault, target: FaultTarget): Steps {
  switch (fault.kind) {
    case 'toxic':
      return toxicSteps(fault, target)
    case 'outage':
      return outageSteps(target)
    case 'pause':
      return pauseSteps(fault, target)
  }
}

function toxicSteps(
  { toxic }: Extract<Fault, { kind: 'toxic' }>,
  { toxiproxy, proxyName }: FaultTarget,
): Steps {
  return {
    inject: () => toxiproxy.addToxic(proxyName, toxic),
    undo: () => toxiproxy.removeToxic(proxyName, toxic.name).catch(ignoreNotFound),
    async remains() {
      const entry = await toxiproxy.getProxy(proxyName).catch(ignoreNotFound)
      return entry?.toxics.includes(toxic.name) ? `toxic ${toxic.name} on proxy ${proxyName}` : null
    },
    undoCall: toxiproxy.undoToxic(proxyName, toxic.name),
  }
}

function outageSteps({ toxiproxy, proxyName }: FaultTarget): Steps {
  return {
    inject: () => toxiproxy.setEnabled(proxyName, false),
    undo: () => toxiproxy.setEnabled(proxyName, true).catch(ignoreNotFound),
    async remains() {
      const entry = await toxiproxy.getProxy(proxyName).catch(ignoreNotFound)
      return entry?.enabled === false ? `proxy ${proxyName} is switched off` : null
    },
    undoCall: toxiproxy.undoOutage(proxyName),
  }
}

function pauseSteps(fault: Extract<Fault, { kind: 'pause' }>, { processes }: FaultTarget): Steps {
  const paused = processes?.[fault.target]
  if (paused === undefined) {
    throw new Error(
      `This lab does not own the ${fault.target} process, so it cannot pause it; run the scenario in a local lab`,
    )
  }
  return {
    inject: () => paused.pause(),
    undo: () => paused.resume(),
    remains: async () => null, // `resume` has seen it run
  }
}
