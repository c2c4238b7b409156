// One toxic at work on one link: what waits in front of it, and its run.
import type { Random } from '../random/seed.ts'
import { type AttributeValues, usable } from './attributes.ts'
import type { ToxicCounts } from './counters.ts'
import type { Chunk, Outlet, Pipe, ToxicKind } from './pipe.ts'
import { noop } from './toxics/noop.ts'
import { nextTurn } from './turns.ts'

const BUFFERED_CHUNKS = 4
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A toxic of a proxy as its stages see it; an update changes it in place. */
export interface StageToxic {
  readonly name: string
  readonly kind: ToxicKind
  toxicity: number
  attributes: AttributeValues
  /** Numbers that its stages have in common; an update begins them anew. */
  shared: Map<string, number>
  readonly counts: ToxicCounts
}

/** The stream of chance that decides whether the toxic of that name acts on a link. */
export const toxicityDraw = (name: string) => `${name}/toxicity`

/** What a stage needs of its connection. */
export interface StageContext {
  isFromTheStart: boolean
  /** When the connection was accepted. */
  openedAt: number
  /** The link's own stream of chance of that name. */
  random(name: string): Random
  hangUp(): void
  reset(): void
  /** Retired and empty: its feeder may feed `next` itself. */
  onDrained(stage: Stage): void
}

/**
 * Feeds what it is pushed to its toxic, and what the toxic writes to `next`.
 * The toxic's run starts anew, with a new draw of its toxicity, whenever the stage is interrupted.
 */
export class Stage implements Outlet, Pipe {
  onRoom: (() => void) | undefined
  readonly toxic: StageToxic
  readonly memory = new Map<string, number>()
  readonly random: Random
  readonly #drawToxicity: Random
  readonly #context: StageContext
  readonly #waiting: Chunk[] = []
  #next: Outlet
  #wake: (() => void) | undefined
  #acts: boolean | undefined
  /** Of the chunk that the toxic has taken and not yet passed on. */
  #heldBytes = 0
  #isReading = false
  #isEnded = false
  #isInterrupted = false
  #isRetired = false
  #isClosed = false

  constructor(toxic: StageToxic, next: Outlet, context: StageContext) {
    this.toxic = toxic
    this.random = context.random(toxic.name)
    this.#drawToxicity = context.random(toxicityDraw(toxic.name))
    this.#context = context
    this.#next = next
  }

  get isFromTheStart(): boolean {
    return this.#context.isFromTheStart
  }

  get openedAt(): number {
    return this.#context.openedAt
  }

  get shared(): Map<string, number> {
    return this.toxic.shared
  }

  get isInterrupted(): boolean {
    return this.#isInterrupted
  }

  /** Whether the toxic won its last draw here. */
  get acts(): boolean {
    return this.#acts === true
  }

  /** Of what was pushed, and neither passed on nor dropped. */
  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { data }) => sum + data.length, Math.max(0, this.#heldBytes))
  }

  get hasRoom(): boolean {
    if (this.#isClosed) return true
    return !this.#isRetired && this.#waiting.length < (this.toxic.kind.bufferedChunks ?? BUFFERED_CHUNKS)
  }

  get next(): Outlet {
    return this.#next
  }

  /** Feeds another from now on; what was written has gone to the old one. */
  set next(outlet: Outlet) {
    this.#next = outlet
    outlet.onRoom = () => this.#wakeReader()
    this.#wakeReader()
  }

  push(chunk: Chunk): void {
    if (this.#isClosed) return
    this.#waiting.push(chunk)
    this.#wakeReader()
  }

  end(): void {
    this.#isEnded = true
    this.#wakeReader()
  }

  /** Starts the runs; they go on until the stream ends here, or the stage is retired and empty, or closed. */
  async start(): Promise<void> {
    this.next = this.#next
    do {
      this.#isInterrupted = false
      await this.#run()
    } while (!this.#isClosed && (this.#isInterrupted || (this.#isRetired && this.#waiting.length > 0)))
    if (this.#isClosed) return
    if (this.#isRetired && !this.#isEnded) this.#context.onDrained(this)
    else this.close()
  }

  #run(): Promise<void> {
    const { kind, attributes } = this.toxic
    const acts = !this.#isRetired && this.#draw()
    return acts ? kind.run(this, usable(attributes)) : noop.run(this, {})
  }

  #draw(): boolean {
    const acts = this.#drawToxicity() < this.toxic.toxicity
    this.toxic.counts.drew(acts, this.#acts)
    this.#acts = acts
    return acts
  }

  interrupt(): void {
    this.#isInterrupted = true
    this.#wake?.()
  }

  /** The toxic is gone: what is held is passed on, as fast as it is taken, and nothing is taken in behind it. */
  retire(): void {
    this.#isRetired = true
    this.#acts = false
    if (this.toxic.kind.closesOnRemoval) this.close()
    else this.interrupt()
  }

  /** Ends the stream here: what waits is dropped, and so is all that still comes. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isInterrupted = true
    this.#waiting.length = 0
    this.#heldBytes = 0
    this.#wake?.()
    this.#next.end()
    this.onRoom?.()
  }

  async read(withinMs = Number.POSITIVE_INFINITY): Promise<Chunk | undefined> {
    this.#heldBytes = 0
    const until = performance.now() + withinMs
    const turn = nextTurn()
    if (turn !== undefined) await turn
    while (!this.#isInterrupted) {
      if (this.#waiting.length === 0) {
        if (this.#isEnded || this.#isRetired) return undefined
      } else if (this.#next.hasRoom) {
        return this.#take()
      }
      if (performance.now() >= until) return undefined
      this.#isReading = true
      await this.#wokenOrPast(until)
      this.#isReading = false
    }
    return undefined
  }

  #take(): Chunk | undefined {
    const chunk = this.#waiting.shift()
    if (chunk === undefined) return undefined
    this.#heldBytes = chunk.data.length
    if (this.#acts === true) this.toxic.counts.took(chunk.data.length)
    if (this.hasRoom) this.onRoom?.()
    return chunk
  }

  write(chunk: Chunk): void {
    if (this.#isClosed) return
    this.#heldBytes -= chunk.data.length
    if (this.#acts === true) this.toxic.counts.passedOn(chunk.data.length)
    this.#next.push(chunk)
  }

  async sleepUntil(due: number): Promise<void> {
    if (performance.now() >= due) await nextTurn()
    while (!this.#isInterrupted && performance.now() < due) await this.#wokenOrPast(due)
  }

  async sleepThroughUntil(due: number): Promise<void> {
    const isOver = () => this.#isClosed || this.#isRetired
    while (!isOver() && performance.now() < due) await this.#wokenOrPast(due)
  }

  hangUp(): void {
    this.#context.hangUp()
  }

  reset(): void {
    this.#context.reset()
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk, undefined> {
    return {
      next: async () => {
        const value = await this.read()
        return value === undefined ? { value, done: true } : { value, done: false }
      },
    }
  }

  /** A sleeping toxic sleeps on whatever comes in. */
  #wakeReader(): void {
    if (this.#isReading) this.#wake?.()
  }

  /** Resolves when woken or when the time has come; timers may fire early, so callers look at the clock. */
  #wokenOrPast(due: number): Promise<void> {
    return new Promise(resolve => {
      const inMs = Math.min(Math.ceil(due - performance.now()), LONGEST_TIMER_MS)
      const timer = due === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => this.#wake?.(), inMs)
      this.#wake = () => {
        this.#wake = undefined
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
