import { toxicKind } from '../pipe.ts'

/** Passes exactly `bytes` bytes, then closes; the count of a connection survives updates. */
export const limitData = toxicKind({
  attributes: { bytes: { least: 0, most: 2 ** 40 } },
  async run(pipe, { bytes }) {
    for await (const chunk of pipe) {
      const passed = pipe.memory.get('passed') ?? 0
      const data = chunk.data.subarray(0, Math.max(0, bytes - passed))
      if (data.length > 0) pipe.write({ ...chunk, data })
      pipe.memory.set('passed', passed + data.length)
      if (passed + data.length >= bytes) pipe.close()
    }
  },
})
