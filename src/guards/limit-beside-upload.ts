import { performance } from 'node:perf_hooks'
import { type Limit, limitAt } from '../limit.ts'
import type { Upload } from '../upload.ts'

/**
 * A limit on the upstream's time, not on its client's: it never fires while a body flows to the upstream, and gives
 * `limitMs` from the end of that. A body that stands still has a limit of its own.
 * @param at when it fires where there is no body, or none has begun to flow, on the clock of `performance.now()`
 */
export function limitBesideUpload(
  upload: Upload | null,
  at: number,
  limitMs: number,
  expired: () => void,
  now = performance.now(),
): Limit {
  if (upload === null || limitMs === Number.POSITIVE_INFINITY) return limitAt(at, expired, now)
  let isOff = false
  let limit = limitAt(at, look, now)

  function look() {
    if (isOff) return
    const endsAt = upload!.endedAt + limitMs
    if (upload!.isFlowing) upload!.onEnd(look)
    else if (performance.now() < endsAt) limit = limitAt(endsAt, look)
    else expired()
  }

  return {
    callOff() {
      isOff = true
      limit.callOff()
    },
  }
}
