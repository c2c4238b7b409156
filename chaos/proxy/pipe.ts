// What flows through a link, and the narrow thing a toxic may touch.

/** Some bytes of one direction of one connection, with the time they were read, in `performance.now()`. */
export interface Chunk {
  data: Buffer
  receivedAt: number
}

/** Where chunks go next: a stage or the destination socket. It has one feeder, which honours `hasRoom`. */
export interface Outlet {
  /** Never refuses; the feeder stops when there is no more room. */
  push(chunk: Chunk): void
  end(): void
  readonly hasRoom: boolean
  /** Called when there is room again; set by the feeder. */
  onRoom: (() => void) | undefined
}

/** A toxic's view of its place in a link: what comes in, what goes out, and time. Iterating it reads to the end. */
export interface Pipe extends AsyncIterable<Chunk> {
  /**
   * The next chunk, taken only once there is room for what follows from it.
   * Undefined when there is none in this run: the stream has ended, the run was interrupted, or `withinMs` have passed.
   */
  read(withinMs?: number): Promise<Chunk | undefined>
  write(chunk: Chunk): void
  /** Waits until `performance.now()` has passed `due`, never less, or until the run is interrupted. */
  sleepUntil(due: number): Promise<void>
  /** The same, but through any change; only the toxic's removal or the end of the connection cuts it short. */
  sleepThroughUntil(due: number): Promise<void>
  /** The toxic was changed or removed: pass on at once what is held, and return. */
  readonly isInterrupted: boolean
  /** The toxic was there before the connection was. */
  readonly isFromTheStart: boolean
  /** When the client was accepted, in `performance.now()`. */
  readonly openedAt: number
  /** Numbers of this connection that outlive an update of the toxic. */
  readonly memory: Map<string, number>
  /** Numbers that all connections of the toxic have in common, until it is updated. */
  readonly shared: Map<string, number>
  /** Uniform in [0, 1), from the seed; the only randomness a toxic may use. */
  random(): number
  /** Closes the stream here and now, behind what was written, interrupted or not. */
  close(): void
  /** Closes the whole connection, behind what was written to either peer. */
  hangUp(): void
  /** Closes the whole connection with an RST to both peers. */
  reset(): void
}

/** The values of an attribute that make sense, both ends included. */
export interface Range {
  least: number
  most: number
}

/** Of an attribute that is a list: so many values at most, and one at least, each in the range. */
export interface ListRange extends Range {
  mostItems: number
}

export type Attributes = Readonly<Record<string, Range | ListRange>>

export type ToxicValues<A extends Attributes = Attributes> = {
  readonly [N in keyof A]: A[N] extends ListRange ? readonly number[] : number
}

/**
 * A kind of toxic: settings only, all state is the pipe's.
 * Returning from `run` closes the stream behind what was written, unless the run was interrupted; then it starts anew.
 */
export interface ToxicKind<A extends Attributes = Attributes> {
  /** In the order in which the API lists them; whole numbers, 0 or no items unless given. The API takes more than makes sense. */
  attributes: A
  /** What makes no sense about values that are each in range. */
  contradiction?(values: ToxicValues<A>): string | undefined
  /** How many chunks may wait in front of it before its feeder must stop. */
  bufferedChunks?: number
  /** Its removal closes the connection, because bytes were lost. */
  closesOnRemoval?: boolean
  /** How long a client that was accepted waits until its upstream is dialled; every toxic's is added up. */
  dialDelayMs?(values: ToxicValues<A>): number
  /** `values` are never negative here. */
  run(pipe: Pipe, values: ToxicValues<A>): Promise<void>
}

const HOUR_MS = 3_600_000

export const milliseconds: Range = { least: 0, most: HOUR_MS }
export const positiveMilliseconds: Range = { least: 1, most: HOUR_MS }
/** 1,000 bytes each. */
export const kilobytesPerSecond: Range = { least: 0, most: 10_000_000 }

/** Only so that what `run` may read is what is in `attributes`. */
export function toxicKind<const A extends Attributes>(kind: ToxicKind<A>): ToxicKind {
  return kind as unknown as ToxicKind
}
