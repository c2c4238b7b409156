// A time limit that does not blame the upstream for a stall of our own event loop.

/** A timer this late means that the event loop stood still, and that answers may lie unread in the sockets. */
const LATE_MS = 15

/** Turns of the event loop in which pending reads are taken before a late limit counts. */
const TURNS = 2

/**
 * Calls back once `performance.now()` has reached `at`; returns the way to call it off.
 * Expired timers run before pending socket reads, so a limit that fires late lets those drain first:
 * an answer among them calls it off.
 */
export function limitAt(at: number, expired: () => void): () => void {
  if (at === Number.POSITIVE_INFINITY) return () => {}
  let isOver = false
  let timer = setTimeout(onTimer, Math.max(0, at - performance.now()))

  function onTimer() {
    const lateMs = performance.now() - at
    if (lateMs < 0) timer = setTimeout(onTimer, Math.ceil(-lateMs))
    else if (lateMs > LATE_MS) drain(TURNS)
    else expire()
  }
  function drain(turns: number) {
    if (turns === 0) expire()
    else setImmediate(drain, turns - 1)
  }
  function expire() {
    if (isOver) return
    isOver = true
    expired()
  }

  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
