// Put into a process beside its own work (--import): says, when asked over IPC, how late its event loop was since.
const TICK_MS = 5

let lagsMs: number[] = []
let due = performance.now() + TICK_MS
const tick = () => {
  const now = performance.now()
  lagsMs.push(Math.max(0, now - due))
  due = now + TICK_MS
  setTimeout(tick, TICK_MS).unref()
}
setTimeout(tick, TICK_MS).unref()

process.on('message', message => {
  if (message !== 'lags') return
  process.send?.({ lagsMs })
  lagsMs = []
})
