import { GatewayError } from '../errors.ts'
import { everyPeriod } from '../limit.ts'
import type { Upload } from '../upload.ts'

export interface UploadLimits {
  /** A flowing upload must move at least `uploadLeastBytes` in each such time. */
  uploadIdleMs: number
  uploadLeastBytes: number
}

/**
 * Breaks off an upload that stands still: 408 where the client sends next to nothing, 504 where the upstream takes
 * nothing. Returns the way to stop watching.
 */
export function watchUpload(
  upload: Upload,
  { uploadIdleMs, uploadLeastBytes }: UploadLimits,
  breakOff: (reason: GatewayError) => void,
): () => void {
  let bytesBefore = 0
  let wasHeldBack = false
  return everyPeriod(
    () => uploadIdleMs,
    isOurs => {
      if (!upload.isFlowing) return
      const moved = upload.bytes - bytesBefore
      const isJudged = !isOurs && upload.isHeldBack === wasHeldBack
      bytesBefore = upload.bytes
      wasHeldBack = upload.isHeldBack
      if (!isJudged || moved >= uploadLeastBytes) return
      if (!wasHeldBack)
        breakOff(new GatewayError('upload-too-slow', `${moved} bytes came in ${uploadIdleMs} ms`))
      else if (moved === 0)
        breakOff(
          new GatewayError('upstream-stalled', `no byte of the request body was taken in ${uploadIdleMs} ms`),
        )
    },
  )
}
