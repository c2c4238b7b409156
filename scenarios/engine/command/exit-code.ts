// What the process says to whoever called it.

/** Bad input, or something that cannot be opened or written. */
export const EXIT_ERROR = 4

/** Ended by a signal. */
export const EXIT_INTERRUPTED = 130

const WORST_FIRST = [5, EXIT_ERROR, EXIT_INTERRUPTED, 3, 1, 2, 0]

/** The exit code of several runs together: an error goes before a verdict, and a fail before an inconclusive run. */
export function worstOf(...exitCodes: number[]): number {
  return WORST_FIRST.find(exitCode => exitCodes.includes(exitCode)) ?? EXIT_ERROR
}
