// The time between a client's coming and the dial of its upstream, where a toxic asks for any.
import type { Socket } from 'node:net'

const READ_AHEAD_BYTES = 64 * 1024
const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface WaitingClientOptions {
  client: Socket
  /** When the wait is over, in `performance.now()`. */
  dueAt(): number
  onDue(): void
  /** The client closed, even if only its side: nothing would ever reach it. */
  onLeft(): void
}

/** Keeps a client waiting. It is read meanwhile, for that alone shows that it leaves; what it sends is put back. */
export class WaitingClient {
  readonly #options: WaitingClientOptions
  readonly #early: Buffer[] = []
  #earlyBytes = 0
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(options: WaitingClientOptions) {
    this.#options = options
    options.client.on('data', this.#keep).once('end', this.#leave).once('close', this.#leave).resume()
  }

  /** Looks again how long the wait is. */
  reconsider(): void {
    if (this.#isOver) return
    clearTimeout(this.#timer)
    const inMs = Math.ceil(this.#options.dueAt() - performance.now())
    if (inMs <= 0) this.#enter()
    else this.#timer = setTimeout(() => this.reconsider(), Math.min(inMs, LONGEST_TIMER_MS))
  }

  readonly #keep = (data: Buffer): void => {
    this.#early.push(data)
    this.#earlyBytes += data.length
    if (this.#earlyBytes >= READ_AHEAD_BYTES) this.#options.client.pause()
  }

  readonly #leave = (): void => {
    this.#end()
    this.#options.onLeft()
  }

  #enter(): void {
    const { client, onDue } = this.#options
    this.#end()
    client.pause()
    if (this.#early.length > 0) client.unshift(Buffer.concat(this.#early))
    onDue()
  }

  #end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#options.client.off('data', this.#keep).off('end', this.#leave).off('close', this.#leave)
  }
}
