import { milliseconds, toxicKind } from '../../pipe.ts'

/**
 * Passes data, and closes the connection `after` ms from when it was accepted, busy or idle, whichever stream it is put
 * on. (A timeout counts from the last data, and swallows it.) Added to a connection that is older, closes it at once.
 */
export const closeAfter = toxicKind({
  attributes: { after: milliseconds },
  async run(pipe, { after }) {
    const due = pipe.openedAt + after
    while (performance.now() < due) {
      const chunk = await pipe.read(due - performance.now())
      if (chunk === undefined) break
      pipe.write(chunk)
    }
    if (!pipe.isInterrupted && performance.now() >= due) pipe.hangUp()
  },
})
