// A client's connection for measuring: it reads into one buffer, so that the load generator makes no garbage of its own.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { VoidError } from '../void-error.ts'

export interface ProbeSocket {
  socket: Socket
  /** Called with every piece that comes in; it is gone when the call returns. */
  onPiece: (piece: Uint8Array) => void
  /** Called once, when the connection ends before we ended it. */
  onLost: (reason: string) => void
}

/** Connects to a loopback port. */
export async function openProbe(port: number, { bufferBytes = 65_536 } = {}): Promise<ProbeSocket> {
  const probe: Omit<ProbeSocket, 'socket'> = { onPiece: () => {}, onLost: () => {} }
  const socket = connect({
    host: '127.0.0.1',
    port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(bufferBytes),
      callback(length, buffer) {
        probe.onPiece(buffer.subarray(0, length))
        return true
      },
    },
  })
  try {
    await once(socket, 'connect')
  } catch (error) {
    throw new VoidError(`port ${port}: ${(error as Error).message}`)
  }
  socket.on('error', error => probe.onLost(error.message))
  socket.on('end', () => probe.onLost('it was closed'))
  return Object.assign(probe, { socket })
}

/**
 * Runs an exchange over a connection of its own, and closes it.
 * @throws VoidError when the connection is lost, or `settle` was not called within `withinMs`
 */
export async function withProbe<T>(
  port: number,
  withinMs: number,
  exchange: (probe: ProbeSocket, settle: (value: T | VoidError) => void) => void,
): Promise<T> {
  const probe = await openProbe(port)
  try {
    const value = await new Promise<T | VoidError>(resolve => {
      const timer = setTimeout(() => settle(new VoidError(`no whole answer within ${withinMs} ms`)), withinMs)
      const settle = (settled: T | VoidError) => {
        clearTimeout(timer)
        resolve(settled)
      }
      probe.onLost = reason => settle(new VoidError(`the connection was lost: ${reason}`))
      exchange(probe, settle)
    })
    if (value instanceof VoidError) throw value
    return value
  } finally {
    probe.onLost = () => {}
    probe.socket.destroy()
  }
}
