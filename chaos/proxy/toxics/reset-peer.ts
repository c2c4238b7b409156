import { milliseconds, toxicKind } from '../pipe.ts'

/**
 * At the first data or the end of the stream: drops it, waits `timeout` ms whatever happens, and resets both peers.
 * Added to a live connection it closes instead, as the real server does.
 */
export const resetPeer = toxicKind({
  attributes: { timeout: milliseconds },
  async run(pipe, { timeout }) {
    await pipe.read()
    if (pipe.isInterrupted) return
    await pipe.sleepThroughUntil(performance.now() + timeout)
    if (pipe.isFromTheStart) pipe.reset()
    pipe.close()
  },
})
