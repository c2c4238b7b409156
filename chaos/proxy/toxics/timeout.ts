import { milliseconds, toxicKind } from '../pipe.ts'

/** Swallows all data; closes after `timeout` ms without any, never for 0. */
export const timeout = toxicKind({
  attributes: { timeout: milliseconds },
  closesOnRemoval: true,
  async run(pipe, { timeout }) {
    const withinMs = timeout === 0 ? Number.POSITIVE_INFINITY : timeout
    let swallowed = await pipe.read(withinMs)
    while (swallowed !== undefined) swallowed = await pipe.read(withinMs)
  },
})
