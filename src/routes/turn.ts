// Whose turn it is on a connection that several requests have come on.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** So many requests may wait on a connection; behind them Node reads no more from it. */
const MOST_WAITING = 16

/** By this Node is told what waits on a connection before it may be sent. */
type WaitingResponse = ServerResponse & { _onPendingData(bytes: number): void }

/**
 * Begins a request that came before the one before it was answered, once it is its turn to be: an answer that had to
 * wait would be kept in memory, whole, and as many of them as a client cares to ask for, and a 1xx before it would fall
 * into the body of the one that is going out. Nothing is asked for whom hangs up before.
 */
export function awaitTurn(response: ServerResponse, socket: Socket, begin: () => void): void {
  const { _onPendingData: weigh } = response as WaitingResponse
  const weight = Math.ceil(socket.writableHighWaterMark / MOST_WAITING)
  weigh(weight)
  response.once('socket', () => {
    weigh(-weight)
    // Node has still to do with the response.
    process.nextTick(begin)
  })
}

/** The response that is due on a connection before any other, if one is: Node keeps it there. */
export function answerDueOn(connection: Duplex): ServerResponse | null {
  return (connection as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage ?? null
}
