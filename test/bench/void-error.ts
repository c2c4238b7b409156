/** Why a measurement counts for nothing. */
export class VoidError extends Error {
  override name = 'VoidError'
}
