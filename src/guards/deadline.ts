import { GatewayError } from '../errors.ts'
import type { GatewayRequest, Guard, Tell } from './guard.ts'
import { limitBesideUpload } from './limit-beside-upload.ts'

/**
 * Nobody waits longer than the deadline, counted from arrival, of a request with a body from its last byte: 504.
 * It covers a buffered answer to its last byte, a streamed one to its headers.
 */
export function deadline(tell: Tell): Guard {
  return async (request, next) => {
    const limitMs = request.deadlineAt - request.arrivedAt
    const callOff = limitBesideUpload(request.parts.body, request.deadlineAt, limitMs, () => {
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

/** The refusal of a request whose time is up. */
export function deadlineExceeded(request: GatewayRequest): GatewayError {
  const waitedMs = Math.round(performance.now() - request.arrivedAt)
  return new GatewayError('deadline-exceeded', `no answer after ${waitedMs} ms`)
}
