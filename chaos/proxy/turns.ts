// One event loop carries every connection and the control API: toxics that need not wait must not keep it to themselves.

const TURN_MS = 5

let turnStartedAt: number | undefined
const waiting: (() => void)[] = []

/**
 * Undefined while toxics may go on in this turn of the event loop; else it resolves in a later one, in the order of
 * asking, once sockets and the API have had theirs.
 */
export function nextTurn(): Promise<void> | undefined {
  if (turnStartedAt === undefined) {
    turnStartedAt = performance.now()
    setImmediate(startTurn)
  }
  return isTimeLeft() ? undefined : new Promise(resolve => waiting.push(resolve))
}

const isTimeLeft = () => performance.now() - turnStartedAt! < TURN_MS

async function startTurn(): Promise<void> {
  turnStartedAt = performance.now()
  let resumed = 0
  while (resumed < waiting.length && isTimeLeft()) {
    waiting[resumed]?.()
    resumed += 1
    await undefined // lets it work, so that its work counts
  }
  waiting.splice(0, resumed)
  if (waiting.length > 0) setImmediate(startTurn)
  else turnStartedAt = undefined
}
