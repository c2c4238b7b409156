// One direction of one connection.
//
//   source ──▶ stage ──▶ stage ──▶ destination
//
// There is one stage for each toxic of this direction, in order of addition. Which toxics there are, a link does not know.
import type { Socket } from 'node:net'
import type { Random } from '../random/seed.ts'
import type { Chunk, Outlet } from './pipe.ts'
import { Stage, type StageToxic } from './stage.ts'

const CHUNK_BYTES = 32 * 1024

/** How many bytes came in and went out; `sent` is null when the destination failed. */
export interface LinkCount {
  received: number
  sent: number | null
}

export interface LinkOptions {
  source: Socket
  destination: Socket
  toxics: readonly StageToxic[]
  random(name: string): Random
  /** Resets the whole connection. */
  reset(): void
  onEnd(count: LinkCount): void
}

/**
 * Carries bytes from one socket to the other, through the toxics.
 * There is no half-close: the end of the source closes the destination completely, once the chain has drained.
 */
export class Link {
  readonly #options: LinkOptions
  readonly #source: Socket
  readonly #exit: Exit
  readonly #stages: Stage[] = []
  #head: Outlet
  #received = 0

  constructor(options: LinkOptions) {
    this.#options = options
    this.#source = options.source
    this.#exit = new Exit(options.destination)
    this.#head = this.#exit
    for (const toxic of options.toxics) this.#append(toxic, true)
    this.#feedFirst()
    options.source
      .on('data', (data: Buffer) => this.#feed(data))
      .once('end', () => this.#head.end())
      .once('close', () => this.#head.end())
    options.destination.once('close', () => this.#finish())
  }

  /** Appends a toxic; the stage before it starts anew. */
  add(toxic: StageToxic): void {
    this.#stages.at(-1)?.interrupt()
    this.#append(toxic, false)
    this.#feedFirst()
  }

  update(toxic: StageToxic): void {
    this.#stages.find(stage => stage.toxic === toxic)?.interrupt()
  }

  /** Takes a toxic out; what it holds is passed on at once, and the stage before it starts anew. */
  remove(toxic: StageToxic): void {
    const index = this.#stages.findIndex(stage => stage.toxic === toxic)
    this.#stages[index]?.retire()
    if (index > 0) this.#stages[index - 1]?.interrupt()
  }

  removeAll(): void {
    for (const stage of this.#stages) stage.retire()
  }

  #append(toxic: StageToxic, isFromTheStart: boolean): void {
    const { random, reset } = this.#options
    const onDrained = (drained: Stage) => this.#splice(drained)
    const stage = new Stage(toxic, this.#exit, { isFromTheStart, random, reset, onDrained })
    const last = this.#stages.at(-1)
    this.#stages.push(stage)
    if (last !== undefined) last.next = stage
    stage.start()
  }

  #splice(drained: Stage): void {
    const index = this.#stages.indexOf(drained)
    const before = this.#stages[index - 1]
    this.#stages.splice(index, 1)
    if (before !== undefined) before.next = drained.next
    else this.#feedFirst()
  }

  #feedFirst(): void {
    this.#head = this.#stages[0] ?? this.#exit
    this.#head.onRoom = () => this.#source.resume()
    this.#flow()
  }

  #flow(): void {
    if (this.#head.hasRoom) this.#source.resume()
    else this.#source.pause()
  }

  #feed(data: Buffer): void {
    this.#received += data.length
    const receivedAt = performance.now()
    // Toxics are defined on chunks of the real server's size; without any, larger ones are faster.
    for (const piece of this.#stages.length === 0 ? [data] : pieces(data)) {
      this.#head.push({ data: piece, receivedAt })
    }
    this.#flow()
  }

  /** The destination is closed: nothing can arrive any more, so nothing is worth waiting for. */
  #finish(): void {
    for (const stage of this.#stages) stage.close()
    this.#options.onEnd({ received: this.#received, sent: this.#exit.sent })
  }
}

function* pieces(data: Buffer): Iterable<Buffer> {
  for (let start = 0; start < data.length; start += CHUNK_BYTES)
    yield data.subarray(start, start + CHUNK_BYTES)
}

/** The last outlet: the destination socket. */
class Exit implements Outlet {
  onRoom: (() => void) | undefined
  readonly #socket: Socket
  #hasFailed = false
  #sent = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket
      .on('drain', () => this.onRoom?.())
      .on('close', () => this.onRoom?.())
      .on('error', () => {
        this.#hasFailed = true
      })
  }

  get hasRoom(): boolean {
    return this.#socket.destroyed || !this.#socket.writableNeedDrain
  }

  get sent(): number | null {
    return this.#hasFailed ? null : this.#sent
  }

  push({ data }: Chunk): void {
    if (!this.#socket.writable) return
    this.#sent += data.length
    this.#socket.write(data)
  }

  /** Closes it in both directions, once all that was written has left. */
  end(): void {
    this.#socket.destroySoon()
  }
}
