import { expect, test } from 'vitest'
import { requestOf } from '../../support/gateway-chain.ts'

test('an answer is noted on every request that the answered one was made of, and on no other', () => {
  const asked = requestOf()
  const revalidating = asked.withHeaders(['if-none-match', '"v1"'])
  const [attempt, other] = [revalidating.fork(), revalidating.fork()]
  attempt.noteAnswer()
  expect([attempt, revalidating, asked].map(request => request.isAnswered)).toEqual([true, true, true])
  expect(other.isAnswered).toBe(false)
})
