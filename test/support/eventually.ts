/**
 * Waits until `check` stops throwing and returns what it returned.
 * @param withinMs the bound; past it the last error is thrown
 */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 5_000): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() >= end) throw error
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
}
