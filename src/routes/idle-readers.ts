import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { everyPeriod } from '../limit.ts'
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

/**
 * How far a socket has come within one write, only its handle knows, and only in steps: the kernel takes more once a third
 * of its send buffer is free, on a fast network 1.5 MB.
 */
type Sending = Socket & { _handle: { bytesWritten: number; writeQueueSize: number } | null }

/**
 * Resets the connections of clients that do not take their answer: it would be kept in memory for as long as they like.
 * They are looked for from time to time, so that no request pays for it. A body that is still coming has its own watch.
 */
export function dropIdleReaders(server: Server, limits: () => ReadLimits): void {
  const waits = new Map<Socket, Wait | null>()
  const look = (isOurs: boolean) => {
    const leastBytes = Math.max(1, limits().streamLeastBytes)
    for (const [socket, before] of waits) {
      const now = waitOn(socket)
      waits.set(socket, now)
      if (isOurs || before === null || now === null || before.answer !== now.answer) continue
      if (now.bytes - before.bytes < leastBytes) socket.resetAndDestroy()
    }
  }
  server.on('connection', socket => {
    waits.set(socket, null)
    socket.once('close', () => waits.delete(socket))
  })
  const begin = () => everyPeriod(() => limits().streamIdleMs, look)
  server.once('listening', () => server.once('close', begin()))
}

function waitOn(socket: Socket): Wait | null {
  const answer = answerDueOn(socket)
  const { _handle: handle } = socket as Sending
  if (answer === null || handle === null || !answer.writableEnded || socket.writableLength === 0) return null
  return { answer, bytes: handle.bytesWritten - handle.writeQueueSize }
}
