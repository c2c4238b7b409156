// The body that is sent for every byte asked, and how its receiver sees that it is whole.

export const BODY_BYTES = 8 * 1024 * 1024
/** A prime, so that no size of chunk hides a piece that is missing or in the wrong place. */
const PERIOD = 251

export function makeBody(): Buffer {
  return Buffer.from(Uint8Array.from({ length: BODY_BYTES }, (_, at) => at % PERIOD))
}

/** Looks at both ends of a piece that begins at `start`: all of it would cost the receiver more than it costs a proxy to carry. */
export function isInPlace(piece: Uint8Array, start: number): boolean {
  return piece[0] === start % PERIOD && piece.at(-1) === (start + piece.length - 1) % PERIOD
}
