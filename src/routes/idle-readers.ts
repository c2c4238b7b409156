import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { LATE_MS } from '../limit.ts'
import { answerDueOn } from './turn.ts'

export interface ReadLimits {
  /** The client of a whole answer must take at least `streamLeastBytes` of it in each such time, and one byte. */
  streamIdleMs: number
  streamLeastBytes: number
}

/** An answer that waited for its client when it was last looked for, and what the connection had carried by then. */
interface Wait {
  answer: ServerResponse
  bytes: number
}

/** How far a socket has come within one write, only its handle knows. */
type Sending = Socket & { _handle: { bytesWritten: number; writeQueueSize: number } | null }

/**
 * Resets the connections of clients that do not take their answer: it would be kept in memory for as long as they like.
 * They are looked for from time to time, so that no request pays for it. A body that is still coming has its own watch.
 */
export function dropIdleReaders(server: Server, limits: () => ReadLimits): void {
  const waits = new Map<Socket, Wait | null>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let due = Number.POSITIVE_INFINITY
  const look = () => {
    const { streamIdleMs, streamLeastBytes } = limits()
    // While we stood still ourselves, nobody could take anything.
    const isOurs = performance.now() - due > LATE_MS
    for (const [socket, before] of waits) {
      const now = waitOn(socket)
      waits.set(socket, now)
      if (isOurs || before === null || now === null || before.answer !== now.answer) continue
      if (now.bytes - before.bytes < Math.max(1, streamLeastBytes)) socket.resetAndDestroy()
    }
    due = performance.now() + streamIdleMs
    timer = setTimeout(look, streamIdleMs)
  }
  server.on('connection', socket => {
    waits.set(socket, null)
    socket.once('close', () => waits.delete(socket))
  })
  server.once('listening', look).once('close', () => clearTimeout(timer))
}

function waitOn(socket: Socket): Wait | null {
  const answer = answerDueOn(socket)
  const { _handle: handle } = socket as Sending
  if (answer === null || handle === null || !answer.writableEnded || socket.writableLength === 0) return null
  return { answer, bytes: handle.bytesWritten - handle.writeQueueSize }
}
