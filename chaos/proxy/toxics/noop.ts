import { toxicKind } from '../pipe.ts'

/** Passes data; also what a toxic does on a connection whose draw it lost. */
export const noop = toxicKind({
  attributes: {},
  async run(pipe) {
    for await (const chunk of pipe) pipe.write(chunk)
  },
})
