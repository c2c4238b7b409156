// The bound that every control call keeps, however noisy the machine that measures it.
import { expect } from 'vitest'

/** What a control call may take; where the real server hangs, it does so for 25 s or for good. */
export const CONTROL_CALL_MS = 100
const ROUNDS = 3

/** Times a call. Calls of one name count by the slowest of the round. */
export type Timed = <T>(name: string, call: () => Promise<T>) => Promise<T>

/**
 * Plays a round on fresh state until each of its calls has been answered in time once, three times at the most: a busy
 * machine may well spoil a call of one round, but a call that hangs does so in every one.
 */
export async function expectPromptCalls(round: (timed: Timed, roundNumber: number) => Promise<void>) {
  const fastest = new Map<string, number>()
  for (let roundNumber = 0; roundNumber < ROUNDS; roundNumber++) {
    const slowest = new Map<string, number>()
    await round(async (name, call) => {
      const startedAt = performance.now()
      const answer = await call()
      slowest.set(name, Math.max(slowest.get(name) ?? 0, performance.now() - startedAt))
      return answer
    }, roundNumber)
    for (const [name, ms] of slowest) {
      fastest.set(name, Math.min(fastest.get(name) ?? Number.POSITIVE_INFINITY, ms))
    }
    if (Math.max(...fastest.values()) < CONTROL_CALL_MS) break
  }
  const late = [...fastest].filter(([, ms]) => ms >= CONTROL_CALL_MS)
  expect(late.map(([name, ms]) => `${name}: ${Math.round(ms)} ms`)).toEqual([])
}
