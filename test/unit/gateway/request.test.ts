import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { requestOf } from '../../support/gateway-chain.ts'

test('an answer is noted on every request that the answered one was made of, and on no other', () => {
  const asked = requestOf()
  const revalidating = asked.withHeaders(['if-none-match', '"v1"'])
  const [attempt, other] = [revalidating.fork(), revalidating.fork()]
  attempt.noteAnswer()
  expect([attempt, revalidating, asked].map(request => request.isAnswered)).toEqual([true, true, true])
  expect(other.isAnswered).toBe(false)
})

describe('what is linked to a request', () => {
  const reason = new GatewayError('client-gone', 'left')
  const other = new GatewayError('deadline-exceeded', 'late')

  test('is cancelled with it, once, for the first reason', () => {
    const request = requestOf()
    const linked = [{ cancel: vi.fn() }, { cancel: vi.fn() }, { cancel: vi.fn() }]
    for (const one of linked) request.link(one)
    request.cancel(reason)
    request.cancel(other)
    for (const { cancel } of linked) expect(cancel.mock.calls).toEqual([[reason]])
    expect(request.cancelled).toBe(reason)
  })

  test('is cancelled at once where the request has been', () => {
    const request = requestOf()
    request.cancel(reason)
    const late = { cancel: vi.fn() }
    request.link(late)
    expect(late.cancel.mock.calls).toEqual([[reason]])
  })

  test.each([0, 1, 2])('is left alone once it is unlinked, the others are not: %i', nth => {
    const request = requestOf()
    const linked = [{ cancel: vi.fn() }, { cancel: vi.fn() }, { cancel: vi.fn() }]
    for (const one of linked) request.link(one)
    request.unlink(linked[nth]!)
    request.unlink({ cancel: vi.fn() })
    request.cancel(reason)
    expect(linked.map(({ cancel }) => cancel.mock.calls.length)).toEqual(
      [0, 1, 2].map(at => Number(at !== nth)),
    )
  })

  test('alone is left alone, too, and another may take its place', () => {
    const request = requestOf()
    const [one, next] = [{ cancel: vi.fn() }, { cancel: vi.fn() }]
    request.link(one)
    request.unlink(one)
    request.link(next)
    request.cancel(reason)
    expect([one.cancel.mock.calls.length, next.cancel.mock.calls.length]).toEqual([0, 1])
    expect(requestOf().cancelled).toBeNull()
  })
})
