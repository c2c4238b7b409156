import { GatewayError } from '../errors.ts'
import { limitAt } from '../limit.ts'
import type { Guard, Tell } from './guard.ts'

/** No single attempt takes longer than this: the call is aborted, not merely forgotten. */
export function attemptLimit({ attemptLimitMs }: { attemptLimitMs: number }, tell: Tell): Guard {
  return async (request, next) => {
    const attempt = request.fork()
    const unlink = request.onCancel(reason => attempt.cancel(reason))
    const callOff = limitAt(performance.now() + attemptLimitMs, () => {
      tell('exceeded')
      attempt.cancel(
        request.isUploading
          ? new GatewayError(
              'upload-too-slow',
              `the request body was still arriving after ${attemptLimitMs} ms`,
            )
          : new GatewayError('attempt-timeout', `the upstream did not answer within ${attemptLimitMs} ms`),
      )
    })
    try {
      return await next(attempt)
    } finally {
      callOff()
      unlink()
    }
  }
}
