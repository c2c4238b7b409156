import { milliseconds, toxicKind } from '../../pipe.ts'

/** Pauses for `pause` ms whenever another `bytes` bytes have passed. */
export const stutter = toxicKind({
  attributes: { bytes: { least: 1, most: 1_000_000 }, pause: milliseconds },
  async run(pipe, { bytes, pause }) {
    let passed = 0
    for await (const chunk of pipe) {
      pipe.write(chunk)
      passed += chunk.data.length
      if (passed < bytes) continue
      passed = 0
      await pipe.sleepUntil(performance.now() + pause)
    }
  },
})
