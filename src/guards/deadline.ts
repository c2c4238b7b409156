import { GatewayError } from '../errors.ts'
import { limitAt } from '../limit.ts'
import type { GatewayRequest, Guard, Tell } from './guard.ts'

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
