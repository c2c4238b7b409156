// One direction of one connection.
//
//   source ──▶ stage ──▶ stage ──▶ destination
//
// There is one stage for each toxic of this direction, in order of addition. Which toxics there are, a link does not know.
import type { Socket } from 'node:net'
import type { Random } from '../random/seed.ts'
import type { Stream } from '../toxic.ts'
import type { Chunk, Outlet } from './pipe.ts'
import { Stage, type StageToxic } from './stage.ts'

const CHUNK_BYTES = 32 * 1024

/** How many bytes came in and went out; `sent` is null when the destination failed. */
export interface LinkCount {
  received: number
  sent: number | null
}

/** The same while it is open: `sent` has left, `waiting` is still in it. */
export interface LiveLinkCount {
  received: number
  sent: number
  waiting: number
}

/** The connection that a link is half of. */
export interface LinkOwner {
  /** When it was accepted. */
  readonly openedAt: number
  /** Its own stream of chance of that name. */
  random(name: string): Random
  /** Closes all of it, behind what was written. */
  hangUp(): void
  /** Resets all of it. */
  reset(): void
  linkEnded(stream: Stream, count: LinkCount): void
}

export interface LinkOptions {
  owner: LinkOwner
  stream: Stream
  source: Socket
  destination: Socket
  toxics: readonly StageToxic[]
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
      .on('data', (data: Buffer) => this.feed(data))
      .on('end', () => this.#head.end())
      .on('close', () => this.#head.end())
    options.destination.on('close', () => this.#finish())
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

  live(): LiveLinkCount {
    const unsent = this.#options.destination.writableLength
    return {
      received: this.#received,
      sent: (this.#exit.sent ?? unsent) - unsent,
      waiting: this.#stages.reduce((sum, { waitingBytes }) => sum + waitingBytes, unsent),
    }
  }

  /** Names of the toxics that won their draw. */
  acting(): string[] {
    return this.#stages.filter(({ acts }) => acts).map(({ toxic }) => toxic.name)
  }

  #append(toxic: StageToxic, isFromTheStart: boolean): void {
    const { owner, stream } = this.#options
    const stage = new Stage(toxic, this.#exit, {
      isFromTheStart,
      openedAt: owner.openedAt,
      random: name => owner.random(`${stream}/${name}`),
      hangUp: () => owner.hangUp(),
      reset: () => owner.reset(),
      onDrained: drained => this.#splice(drained),
    })
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

  /** What was read from the source. Says whether all of it has left, and its memory may be used again. */
  feed(data: Buffer): boolean {
    this.#received += data.length
    const receivedAt = performance.now()
    // Toxics are defined on chunks of the real server's size; without any, larger ones are faster.
    for (const piece of this.#stages.length === 0 ? [data] : pieces(data)) {
      this.#head.push({ data: piece, receivedAt })
    }
    this.#flow()
    return this.#stages.length === 0 && this.#exit.isFlushed
  }

  /** The destination is closed: nothing can arrive any more, so nothing is worth waiting for. */
  #finish(): void {
    for (const stage of this.#stages) stage.close()
    const { owner, stream } = this.#options
    owner.linkEnded(stream, { received: this.#received, sent: this.#exit.sent })
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
    // Not writableNeedDrain, which stays true for a while after the system has taken everything at once.
    return this.#socket.destroyed || this.#socket.writableLength < this.#socket.writableHighWaterMark
  }

  get isFlushed(): boolean {
    return this.#socket.writableLength === 0
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
