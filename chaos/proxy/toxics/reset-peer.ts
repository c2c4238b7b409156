import { milliseconds, toxicKind } from '../pipe.ts'

/**
 * At the first data or the end of the stream: drops it, waits `timeout` ms, and resets both peers; its removal resets at once.
 * Added to a live connection it closes instead, as the real server does.
 */
export const resetPeer = toxicKind({
  attributes: { timeout: milliseconds },
  async run(pipe, { timeout }) {
    // What was read has been lost: from there on no interruption may bring the stream back.
    if ((await pipe.read()) === undefined && pipe.isInterrupted) return
    await pipe.sleepThroughUntil(performance.now() + timeout)
    if (pipe.isFromTheStart) pipe.reset()
    pipe.close()
  },
})
