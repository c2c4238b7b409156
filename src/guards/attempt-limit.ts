import { performance } from 'node:perf_hooks'
import { GatewayError } from '../errors.ts'
import { type Guard, type Tell, whenSettled } from './guard.ts'
import { limitBesideUpload } from './limit-beside-upload.ts'

/** No single attempt takes longer than this, its upload aside: the call is aborted, not merely forgotten. */
export function attemptLimit({ attemptLimitMs }: { attemptLimitMs: number }, tell: Tell): Guard {
  return (request, next) => {
    const attempt = request.fork()
    request.link(attempt)
    const now = performance.now()
    const expired = () => {
      tell('exceeded')
      attempt.cancel(
        new GatewayError('attempt-timeout', `the upstream did not answer within ${attemptLimitMs} ms`),
      )
    }
    const { body } = request.parts
    const limit = limitBesideUpload(body, now + attemptLimitMs, attemptLimitMs, expired, now)
    return whenSettled(next(attempt), () => {
      limit.callOff()
      request.unlink(attempt)
    })
  }
}
