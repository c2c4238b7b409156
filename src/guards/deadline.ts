import { GatewayError } from '../errors.ts'
import { limitAt } from '../limit.ts'
import type { GatewayRequest, Guard, Tell } from './guard.ts'

/** By this field a client asks for a shorter deadline, and the upstream is told what is left of it. */
export const TIMEOUT_FIELD = 'x-request-timeout-ms'

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
 * Nobody waits longer than the deadline, counted from arrival: 504.
 * It covers a buffered answer to its last byte, a streamed one to its headers.
 */
export function deadline(tell: Tell): Guard {
  return async (request, next) => {
    const callOff = limitAt(request.deadlineAt, () => {
      tell('exceeded')
      request.cancel(deadlineExceeded(request))
    })
    try {
      return await next(request)
    } finally {
      callOff()
    }
  }
}

/** The refusal of a request whose time is up; an upload that is still coming in is not the upstream's fault. */
export function deadlineExceeded(request: GatewayRequest): GatewayError {
  const waitedMs = Math.round(performance.now() - request.arrivedAt)
  return request.isUploading
    ? new GatewayError('upload-too-slow', `the request body was still arriving after ${waitedMs} ms`)
    : new GatewayError('deadline-exceeded', `no answer after ${waitedMs} ms`)
}
