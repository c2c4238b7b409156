const TICK_MS = 10

/** Measures how late the event loop runs its timers. */
export interface EventLoopLag {
  /** The longest lag since this reader last asked, in ms, one that is still going on included. */
  reader(): () => number
  /** The longest lag of the last second or so, in ms. */
  recent(): number
  close(): void
}

const RECENT_MS = 1_000

export function watchEventLoopLag(): EventLoopLag {
  const readers = new Set<{ maxMs: number }>()
  let due = performance.now() + TICK_MS
  let peak = { ms: 0, at: 0 }
  const tick = () => {
    const now = performance.now()
    const lagMs = Math.max(0, now - due)
    for (const reader of readers) if (lagMs > reader.maxMs) reader.maxMs = lagMs
    if (lagMs >= peak.ms || now - peak.at > RECENT_MS) peak = { ms: lagMs, at: now }
    due = now + TICK_MS
    timer = setTimeout(tick, TICK_MS).unref()
  }
  let timer = setTimeout(tick, TICK_MS).unref()
  const current = () => Math.max(0, performance.now() - due)
  return {
    reader() {
      const reader = { maxMs: 0 }
      readers.add(reader)
      return () => {
        const most = Math.max(reader.maxMs, current())
        reader.maxMs = 0
        return most
      }
    },
    recent: () => Math.max(peak.ms, current()),
    close: () => clearTimeout(timer),
  }
}
