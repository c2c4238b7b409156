import { milliseconds, toxicKind } from '../pipe.ts'

/** Passes data; holds back the end of the stream for `delay` ms. */
export const slowClose = toxicKind({
  attributes: { delay: milliseconds },
  async run(pipe, { delay }) {
    for await (const chunk of pipe) pipe.write(chunk)
    await pipe.sleepUntil(performance.now() + delay)
  },
})
