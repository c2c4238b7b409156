// The open-loop pump: sends what the schedule says is due, to every arm, whatever the answers do.
import { ArmClient } from './arm.ts'
import { isInsideGate, LagRecorder } from './lag.ts'
import type { FromLoad, LoadInstrument, LoadPlan } from './messages.ts'
import { makeSchedule, type Schedule } from './schedule.ts'

const TURN_MS = 1
const TELL_EVERY_MS = 250

/** A load that is under way. */
export interface RunningLoad {
  /** Sends nothing more; what is in flight still settles. */
  stop(): void
  /** Resolves when every arrival has ended and every connection is closed. */
  finished: Promise<LoadInstrument>
}

/**
 * Runs a plan. `tell` hears `started`, `observations` about every 250 ms (each observation once), and `done` last.
 * The plan's times count from its `startAtEpochMs`, or from now if that is past.
 */
export function runLoad(plan: LoadPlan, tell: (message: FromLoad) => void): RunningLoad {
  const load = new Load(plan, tell)
  return { stop: () => load.stop(), finished: load.finished }
}

class Load {
  readonly finished: Promise<LoadInstrument>
  readonly #plan: LoadPlan
  readonly #tell: (message: FromLoad) => void
  readonly #schedule: Schedule
  readonly #arms: ArmClient[]
  readonly #lag = new LagRecorder()
  readonly #cpuAtStart = process.cpuUsage()
  readonly #createdAt = performance.now()
  #finish: (instrument: LoadInstrument) => void = () => {}
  /** `performance.now()` of the load's zero. */
  readonly #zero: number
  #next = 0
  #previousTurnMs = Number.NEGATIVE_INFINITY
  #toldAtMs = 0
  #stoppedAtMs: number | null = null

  constructor(plan: LoadPlan, tell: (message: FromLoad) => void) {
    this.#plan = plan
    this.#tell = tell
    this.#schedule = makeSchedule(plan.seed, plan.schedule)
    this.#arms = plan.arms.map(arm => new ArmClient(arm, plan, this.#nowMs))
    this.finished = new Promise(resolve => {
      this.#finish = resolve
    })
    const waitMs = Math.max(0, plan.startAtEpochMs - Date.now())
    this.#zero = performance.now() + waitMs
    this.#tell({ type: 'started', startedAtEpochMs: Date.now() + waitMs })
    setTimeout(this.#turn, TURN_MS)
  }

  stop(): void {
    this.#stoppedAtMs ??= Math.max(0, this.#nowMs())
  }

  #nowMs = (): number => performance.now() - this.#zero

  #turn = (): void => {
    const nowMs = this.#nowMs()
    // One turn late on purpose: after a stall, answers that wait in the sockets are read before anything expires.
    for (const arm of this.#arms) arm.expire(this.#previousTurnMs - this.#plan.clientDeadlineMs)
    this.#previousTurnMs = nowMs
    this.#sendDue(nowMs)
    if (nowMs - this.#toldAtMs >= TELL_EVERY_MS) this.#tellObservations(nowMs)
    if (this.#isOver()) void this.#end(nowMs)
    else setTimeout(this.#turn, TURN_MS)
  }

  #sendDue(nowMs: number): void {
    const { dueMs, key, isRead } = this.#schedule
    const untilMs = Math.min(nowMs, this.#stoppedAtMs ?? Number.POSITIVE_INFINITY)
    while (this.#next < dueMs.length && dueMs[this.#next]! <= untilMs) {
      const index = this.#next++
      const arrival = { index, dueMs: dueMs[index]!, key: key[index]!, isRead: isRead[index] === 1 }
      // The arms take turns to be first.
      for (let turn = 0; turn < this.#arms.length; turn++) {
        const arm = this.#arms[(index + turn) % this.#arms.length]!
        const sentMs = arm.send(arrival)
        if (sentMs !== null) this.#lag.record(sentMs - arrival.dueMs)
      }
    }
  }

  #isOver(): boolean {
    const isAllSent = this.#next === this.#schedule.dueMs.length || this.#stoppedAtMs !== null
    return isAllSent && this.#arms.every(arm => arm.inFlight === 0)
  }

  #tellObservations(nowMs: number): void {
    this.#toldAtMs = nowMs
    const arms = this.#arms.map(arm => ({ name: arm.name, rows: arm.take() }))
    if (arms.some(({ rows }) => rows.index.length > 0)) this.#tell({ type: 'observations', arms })
  }

  async #end(nowMs: number): Promise<void> {
    this.#tellObservations(nowMs)
    const instrument = this.#instrument()
    await Promise.all(this.#arms.map(arm => arm.close()))
    this.#tell({ type: 'done', instrument })
    this.#finish(instrument)
  }

  #instrument(): LoadInstrument {
    const sent = sum(this.#arms.map(arm => arm.sent))
    const dropped = sum(this.#arms.map(arm => arm.dropped))
    const lagMs = this.#lag.percentiles()
    const { user, system } = process.cpuUsage(this.#cpuAtStart)
    return {
      isValid: isInsideGate(lagMs, dropped),
      scheduled: sent + dropped,
      sent,
      dropped,
      lagMs,
      lagHistogram: this.#lag.encoded(),
      cpuShare: (user + system) / 1_000 / (performance.now() - this.#createdAt),
      unaskedKeys: this.#schedule.unaskedKeys,
      stoppedAtMs: this.#stoppedAtMs,
    }
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, value) => total + value, 0)
}
