// The runner's side of the load generator's process.
import { setTimeout as wait } from 'node:timers/promises'
import type { Child } from '../../chaos/supervise.ts'
import { pathIn } from './lab/lab.ts'
import type { FromLoad, LoadInstrument, LoadPlan, ToLoad } from './load/messages.ts'
import type { RunRecord } from './record.ts'
import { RunError } from './run-error.ts'

/** What a busy machine may need beside the client deadline. */
const SETTLE_MS = 10_000

/** Starts and stops the load, and puts what comes back into the record. */
export class LoadDriver {
  /** Settles when every request has; rejects when the generator dies. */
  readonly finished: Promise<LoadInstrument>
  private readonly child: Child
  private readonly record: RunRecord

  constructor(child: Child, record: RunRecord) {
    this.child = child
    this.record = record
    this.finished = new Promise((resolve, reject) => {
      child.onMessage(message => {
        const said = message as FromLoad
        if (said.type === 'observations') this.#hear(said.arms)
        if (said.type === 'done') resolve(said.instrument)
      })
      child.exited.then(({ code, signal }) =>
        reject(new RunError(`the load generator ended early (${signal ?? `exit code ${code}`})`)),
      )
    })
    // Whoever waits gets the rejection; nobody waiting yet is no crash.
    this.finished.catch(() => {})
  }

  start(): void {
    this.#say({ type: 'start', plan: this.#plan() })
  }

  stop(): void {
    this.#say({ type: 'stop' })
  }

  /** What the generator says of itself at the end. Rejects when it does not come to one. */
  async result(): Promise<LoadInstrument> {
    const withinMs = this.record.scenario.load.clientDeadlineMs + SETTLE_MS
    const late = new AbortController()
    const tooLate = wait(withinMs, undefined, { signal: late.signal }).then(() => {
      throw new RunError(`the load generator did not end within ${withinMs} ms of the last phase`)
    })
    try {
      return await Promise.race([this.finished, tooLate])
    } finally {
      tooLate.catch(() => {})
      late.abort()
    }
  }

  #say(message: ToLoad): void {
    this.child.send(message)
  }

  #hear(arms: Extract<FromLoad, { type: 'observations' }>['arms']): void {
    for (const { name, rows } of arms) {
      const arm = this.record.arms.find(({ lab }) => lab.arm.name === name)
      arm?.observations.append(rows)
      arm?.seconds.add(rows, this.record.scenario.load.clientDeadlineMs)
    }
  }

  #plan(): LoadPlan {
    const { scenario, seed, startEpochMs, freshMs, isStamped } = this.record
    const { load, phases } = scenario
    const warmUpMs = phases
      .filter(phase => phase.role === 'warm-up')
      .reduce((sum, phase) => sum + phase.durationMs, 0)
    return {
      seed,
      arms: this.record.arms.map(({ lab }) => ({
        name: lab.arm.name,
        baseUrl: lab.loadUrl,
        readPath: pathIn(lab.arm, load.readPath),
        writePath: pathIn(lab.arm, load.writePath),
      })),
      schedule: {
        ratePerSecond: load.ratePerSecond,
        arrivals: load.arrivals,
        keys: load.keys,
        zipfExponent: load.zipfExponent,
        readShare: load.readShare,
        phases: phases.map(({ name, durationMs }) => ({ name, durationMs })),
        warmUpMs,
      },
      clientDeadlineMs: load.clientDeadlineMs,
      freshMs,
      isStamped,
      startAtEpochMs: startEpochMs,
    }
  }
}
