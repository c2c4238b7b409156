// The memory that a socket reads into: fresh memory for every read would keep the garbage collector busier than the proxy.
import type { OnReadOpts } from 'node:net'

/** As much as a chunk of the real server's, for chunks are what toxics work on; untouched, it takes no memory. */
const FIRST_BYTES = 32 * 1024
const MOST_BYTES = 64 * 1024

/**
 * Reads into the same buffer again once nobody holds what it held, else into another.
 * It grows when a read fills it.
 * @param take gets what was read; says whether it is done with the bytes
 */
export function reusedBuffer(take: (data: Buffer) => boolean): OnReadOpts {
  let bytes = FIRST_BYTES
  let buffer = Buffer.allocUnsafeSlow(bytes)
  let isFree = true
  return {
    buffer() {
      if (!isFree || buffer.length < bytes) buffer = Buffer.allocUnsafeSlow(bytes)
      return buffer
    },
    callback(read) {
      if (read === buffer.length) bytes = MOST_BYTES
      isFree = take(buffer.subarray(0, read))
      // Never false: whoever has no room pauses the socket, and what it resumes with must not be this buffer.
      return true
    },
  }
}
