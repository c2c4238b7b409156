/** The run cannot be carried out: what, where, and what to do, in one line. Exit code 4. */
export class RunError extends Error {
  override name = 'RunError'
}

/** Any thrown value in one line. */
export function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s*\n\s*/g, ' ')
}
