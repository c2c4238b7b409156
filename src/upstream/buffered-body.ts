import { Buffer } from 'node:buffer'
import type { GatewayResponse } from '../guards/guard.ts'
import { headerOf } from '../headers.ts'

/** A body that is collected until it is whole, or too long to be. */
export class BufferedBody {
  readonly chunks: Buffer[] = []
  #length = 0

  /** Adds to it and returns how long it is by then. */
  add(chunk: Buffer): number {
    this.chunks.push(chunk)
    this.#length += chunk.length
    return this.#length
  }

  /** The whole answer to a request of this method. */
  answer(method: string, status: number, headers: readonly string[]): GatewayResponse {
    // Copied: a chunk is a window on a far larger buffer, which a cache would keep alive.
    const body = Buffer.concat(this.chunks, this.#length)
    if (method === 'HEAD' || status === 204 || status === 304) return { status, headers, body }
    // Where a length was declared, undici has seen to it that it came.
    const isSized = headerOf(headers, 'content-length') !== undefined
    return { status, headers: isSized ? headers : [...headers, 'content-length', String(body.length)], body }
  }
}
