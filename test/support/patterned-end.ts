// Ends of connections that know what they must receive: every byte is told by its place in the stream.
import type { Socket } from 'node:net'

/** Not a power of two, so that a chunk that is lost, doubled or out of order shows. */
const PATTERN_BYTES = 65_521
const PATTERN = Buffer.from(
  Array.from({ length: PATTERN_BYTES }, (_value, at) => (at * 31 + (at >> 8)) & 0xff),
)

export interface PatternedEnd {
  socket: Socket
  sentBytes: number
  receivedBytes: number
  /** So far every byte was the one that belongs there. */
  isIntact: boolean
  /** The other side has closed, or we have. */
  isOver: boolean
  /** Writes the next bytes of the pattern. */
  send(bytes: number): void
}

/** Makes an end of a socket that keeps half-open what the other side closes. */
export function patternedEnd(socket: Socket): PatternedEnd {
  const end: PatternedEnd = {
    socket,
    sentBytes: 0,
    receivedBytes: 0,
    isIntact: true,
    isOver: false,
    send(bytes) {
      if (!socket.writable) return
      socket.write(patternAt(end.sentBytes, bytes))
      end.sentBytes += bytes
    },
  }
  const over = () => {
    end.isOver = true
  }
  socket.on('data', (data: Buffer) => {
    end.isIntact &&= data.equals(patternAt(end.receivedBytes, data.length))
    end.receivedBytes += data.length
  })
  socket.on('end', over).on('close', over).on('error', over)
  return end
}

function patternAt(offset: number, bytes: number): Buffer {
  const start = offset % PATTERN_BYTES
  const repeats = Math.ceil((start + bytes) / PATTERN_BYTES)
  const whole = repeats === 1 ? PATTERN : Buffer.concat(Array.from({ length: repeats }, () => PATTERN))
  return whole.subarray(start, start + bytes)
}
