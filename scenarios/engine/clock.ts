/** Milliseconds since 1970 with a fraction: the one clock that the processes of a run share. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now()
}

/** Resolves at `atEpochMs`, or as soon as `signal` aborts. */
export function waitUntil(atEpochMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(done, Math.max(0, atEpochMs - epochMs()))
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
