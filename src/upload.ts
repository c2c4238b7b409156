// A client's body on its way to the upstream.

import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import { GatewayError } from './errors.ts'

export interface UploadOptions {
  /** A longer body is broken off. */
  mostBytes: number
  /** Told once, when the upstream is ready to take the body. */
  wanted(): void
}

/**
 * What undici takes for a stream: the request's own, counted, and kept from being destroyed with the call, for its
 * client may still be waiting for an answer on the same connection. Nothing is read before it is wanted.
 */
export class Upload extends EventEmitter {
  readonly #source: IncomingMessage
  readonly #options: UploadOptions
  #state: 'waiting' | 'flowing' | 'ended' = 'waiting'
  #settled: (() => void)[] = []
  /** Taken by the upstream so far. */
  bytes = 0
  /** The upstream takes no more for the moment. */
  isHeldBack = false
  /** When it was whole, or broke off, on the clock of `performance.now()`. */
  endedAt = Number.NEGATIVE_INFINITY

  constructor(source: IncomingMessage, options: UploadOptions) {
    super()
    this.#source = source
    this.#options = options
  }

  /** The upstream is taking it: what is slow now may be the client. */
  get isFlowing(): boolean {
    return this.#state === 'flowing'
  }

  /** It was whole, or broke off. */
  get isOver(): boolean {
    return this.#state === 'ended'
  }

  /** Calls back when it flows no more. */
  onEnd(settled: () => void): void {
    if (this.#state === 'ended') settled()
    else this.#settled.push(settled)
  }

  // From undici.

  resume(): void {
    this.isHeldBack = false
    if (this.#state === 'waiting') this.#begin()
    this.#source.resume()
  }

  pause(): void {
    this.isHeldBack = true
    this.#source.pause()
  }

  /** The call takes no more of it, whole or not. */
  destroy(): void {
    this.#end()
  }

  /** By this undici knows a stream; it never calls it. */
  pipe(): never {
    throw new TypeError('an upload goes to one call only')
  }

  // Within.

  #begin(): void {
    this.#state = 'flowing'
    const source = this.#source
    source
      .on('data', this.#take)
      .once('end', this.#finish)
      .once('error', this.#break)
      .once('close', this.#break)
    if (source.destroyed && !source.readableEnded) process.nextTick(this.#break)
    this.#options.wanted()
  }

  readonly #take = (chunk: Buffer): void => {
    this.bytes += chunk.length
    if (this.bytes <= this.#options.mostBytes) this.emit('data', chunk)
    else this.#fail(new GatewayError('body-too-large', `more than ${this.#options.mostBytes} bytes came`))
  }

  readonly #finish = (): void => {
    this.#end()
    this.emit('end')
  }

  readonly #break = (cause?: Error): void => {
    this.#fail(new GatewayError('client-gone', 'the request body broke off', { cause }))
  }

  #fail(reason: GatewayError): void {
    if (this.#state === 'ended') return
    this.#end()
    this.emit('error', reason)
  }

  #end(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.endedAt = performance.now()
    this.#source
      .off('data', this.#take)
      .off('end', this.#finish)
      .off('error', this.#break)
      .off('close', this.#break)
    this.#source.pause()
    const settled = this.#settled
    this.#settled = []
    for (const settle of settled) settle()
  }
}
