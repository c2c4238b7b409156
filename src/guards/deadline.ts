import { performance } from 'node:perf_hooks'
import { GatewayError } from '../errors.ts'
import { type Guard, type Tell, whenSettled } from './guard.ts'
import { limitBesideUpload } from './limit-beside-upload.ts'
import type { GatewayRequest } from './request.ts'

/** By this field a client asks for a shorter deadline, and the upstream is told what is left of it. */
export const TIMEOUT_FIELD = 'x-request-timeout-ms'

export interface DeadlineOptions {
  /** The longest wait; a client may ask for less. */
  deadlineMs: number
}

/** Deadlines are whole milliseconds, but the difference of two moments is not exact. */
const ROUNDING_MS = 0.5

/** The deadline that a client asks for, in ms, or undefined where that is no number of milliseconds. */
export function askedDeadlineMs(value: string): number | undefined {
  return /^0*[1-9]\d*$/.test(value) ? Number(value) : undefined
}

/** The refusal of a request that asks for something else. */
export function notADeadline(value: string): GatewayError {
  const accepted = 'whole milliseconds from 1; above DEADLINE_MS they count as that'
  return new GatewayError(
    'bad-request',
    `X-Request-Timeout-Ms is ${JSON.stringify(value)}; accepted: ${accepted}`,
  )
}

/**
 * Nobody waits longer than the deadline, counted from arrival, of a request with a body from its last byte: 504.
 * It covers a buffered answer to its last byte, a streamed one to its headers.
 */
export function deadline({ deadlineMs }: DeadlineOptions, tell: Tell): Guard {
  return (request, next) => {
    const limitMs = request.deadlineAt - request.arrivedAt
    const limit = limitBesideUpload(request.parts.body, request.deadlineAt, limitMs, () => {
      tell('exceeded')
      request.cancel(deadlineExceeded(request, deadlineMs))
    })
    return whenSettled(next(request), () => limit.callOff())
  }
}

/**
 * The refusal of a request whose time is up. The upstream is to blame only where it had all the time that it is meant
 * to have.
 */
export function deadlineExceeded(
  { arrivedAt, deadlineAt }: GatewayRequest,
  deadlineMs: number,
): GatewayError {
  const isClients = deadlineAt - arrivedAt < deadlineMs - ROUNDING_MS
  const waitedMs = Math.round(performance.now() - arrivedAt)
  return new GatewayError(
    isClients ? 'client-deadline' : 'deadline-exceeded',
    `no answer after ${waitedMs} ms`,
  )
}
