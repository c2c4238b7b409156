import type { GatewayResponse } from '../guards/guard.ts'
import { without } from '../headers.ts'
import { CONTENT_LENGTH } from './answer-fields.ts'

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
    const sized = without(headers, CONTENT_LENGTH)
    sized.push('Content-Length', String(body.length))
    return { status, headers: sized, body }
  }
}
