// A sender that never waits for an answer.
import { withProbe } from './socket.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')
/** Nothing taken for so long is back-pressure. */
const STALLED_AFTER_MS = 1_000
const LOOK_EVERY_MS = 50

/** What was taken before nothing more was; `isStalled` is false when it was still being taken at the end. */
export interface Flood {
  bytes: number
  isStalled: boolean
  /** Until the last byte was taken. */
  tookMs: number
}

/**
 * Sends as fast as it is let, until nothing more is taken or `withinMs` have passed.
 */
export function flood({ port, withinMs }: { port: number; withinMs: number }): Promise<Flood> {
  return withProbe<Flood>(port, withinMs + STALLED_AFTER_MS, ({ socket }, settle) => {
    const startedAt = performance.now()
    let bytes = 0
    let takenAt = startedAt
    const fill = () => {
      while (socket.write(PIECE));
    }
    socket.on('drain', fill)
    fill()
    const timer = setInterval(() => {
      const taken = socket.bytesWritten - socket.writableLength
      const now = performance.now()
      if (taken > bytes) takenAt = now
      bytes = taken
      const isStalled = now - takenAt >= STALLED_AFTER_MS
      if (isStalled || now - startedAt >= withinMs) {
        settle({ bytes, isStalled, tookMs: takenAt - startedAt })
      }
    }, LOOK_EVERY_MS)
    socket.once('close', () => clearInterval(timer))
  })
}
