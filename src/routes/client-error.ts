// Answers to what never became a request: bytes that Node does not accept, and CONNECT.
import { Buffer } from 'node:buffer'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { GatewayError, problemOf } from '../errors.ts'
import type { Account } from '../telemetry/account.ts'
import { outcomeOfRefusal } from '../telemetry/outcome.ts'
import { sendRefusal } from './reply.ts'
import { answerDueOn } from './turn.ts'

/** How long a refused client may take to hang up. */
const LINGER_MS = 2_000

type Connection = Duplex & { resetAndDestroy?(): void }

/** Answers a connection whose bytes are not a request that Node accepts, then ends it. */
export function rejectConnection(account: Account, error: Error & { code?: string }, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  refuseConnection(account, socket, refusalOf(error.code ?? ''))
}

/**
 * Refuses once every answer that is due before has gone out: whoever pipelines takes the first for the first.
 * It is counted, unless it is about a request that is told of anyway.
 */
export function refuseConnection(account: Account, socket: Connection, reason: GatewayError): void {
  const due = answerDueOn(socket)
  if (due === null) {
    account.settled(outcomeOfRefusal(reason))
    writeRefusal(socket, reason)
  } else if (due.req.complete) due.once('close', () => refuseConnection(account, socket, reason))
  else if (due.headersSent) socket.resetAndDestroy?.()
  else sendRefusal(due, reason, { isLast: true })
}

function writeRefusal(socket: Duplex, reason: GatewayError): void {
  if (!socket.writable) return
  const body = problemOf(reason)
  const fields = [...reason.headers, 'Content-Type', 'application/problem+json', 'Cache-Control', 'no-store']
  fields.push('Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close')
  let header = `HTTP/1.1 ${reason.status} ${STATUS_CODES[reason.status]}\r\n`
  for (let index = 0; index < fields.length; index += 2)
    header += `${fields[index]}: ${fields[index + 1]}\r\n`
  socket.end(`${header}\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

function refusalOf(code: string): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('header-too-large', 'the header is over 16 KiB long')
  if (code === 'HPE_INVALID_URL')
    return new GatewayError('bad-path', 'the target holds a byte that no path may hold')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('header-too-slow', 'the header was still arriving when its time was up')
  return new GatewayError('bad-request', `not a valid HTTP request: ${code}`)
}
