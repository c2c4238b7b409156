/** What the API answers when it refuses: the real server's status and words. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const proxyNotFound = () => new ApiError(404, 'proxy not found')
export const toxicNotFound = () => new ApiError(404, 'toxic not found')
export const proxyExists = () => new ApiError(409, 'proxy already exists')
export const toxicExists = () => new ApiError(409, 'toxic already exists')
export const invalidStream = () =>
  new ApiError(400, 'stream was invalid, can be either upstream or downstream')
export const invalidType = () => new ApiError(400, 'invalid toxic type')
export const missingField = (field: string) => new ApiError(400, `missing required field: ${field}`)
/** Under strict values. */
export const senselessValues = (problems: string[]) => new ApiError(400, problems.join('; '))
export const badBody = (detail: string) => new ApiError(400, `bad request body: ${detail}`)
/** An address that cannot be used or listened on. */
export const unusableAddress = (detail: string) => new ApiError(500, detail)

export const leaseNotFound = () => new ApiError(404, 'lease not found')
export const wrongTtl = (least: number, most: number, got: string) =>
  new ApiError(400, `ttl_ms must be a whole number from ${least} to ${most}, got ${got}`)
export const leaseHoldsNoUpdate = () =>
  new ApiError(
    400,
    'X-Lease-Id is not for the update of a toxic, which no lease undoes: leave it out; ' +
      'a toxic that was added under a lease goes with it, whatever it was changed to',
  )
