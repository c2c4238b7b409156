import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StreamedBody } from '../../../src/upstream/streamed-body.ts'

const LIMITS = { streamIdleMs: 1_000, streamLeastBytes: 1_000 }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A body whose client is full or not, as the test says. */
function streamed(isFull: boolean, limits = LIMITS) {
  const client = { isFull }
  const ended: string[] = []
  const controller = { pause() {}, resume() {} } as Dispatcher.DispatchController
  const body: StreamedBody = new StreamedBody(controller, [], limits, reason => {
    ended.push(reason.message)
    body.fail(reason)
  })
  body.pipe({ write: () => !client.isFull, end() {}, fail() {} })
  return { body, client, ended }
}

describe('a client that is waited for', () => {
  /** Takes what there is every so often, and is full again with the next chunk. */
  const takeSlowly = ({ body }: ReturnType<typeof streamed>, bytes: number, times: number) => {
    for (let count = 0; count < times; count += 1) {
      vi.advanceTimersByTime(900)
      body.resume()
      body.take(Buffer.alloc(bytes))
    }
  }

  test('must take as many bytes as an upstream must bring', () => {
    const slow = streamed(true)
    slow.body.take(Buffer.alloc(5_000))
    takeSlowly(slow, 400, 5)
    expect(slow.ended).toEqual(['the client took 400 bytes in 1000 ms'])
  })

  test('and does so is left alone, however slow it is', () => {
    const patient = streamed(true)
    patient.body.take(Buffer.alloc(5_000))
    takeSlowly(patient, 1_200, 20)
    expect(patient.ended).toEqual([])
  })

  test('must take something even where no upstream must bring anything', () => {
    const stuck = streamed(true, { ...LIMITS, streamLeastBytes: 0 })
    stuck.body.take(Buffer.alloc(5_000))
    vi.advanceTimersByTime(2_000)
    expect(stuck.ended).toEqual(['the client took 0 bytes in 1000 ms'])
  })
})

describe('an upstream that is waited for', () => {
  test('must bring its least, and its client is not blamed', () => {
    const { body, ended } = streamed(false)
    body.take(Buffer.alloc(400))
    vi.advanceTimersByTime(1_000)
    body.take(Buffer.alloc(400))
    vi.advanceTimersByTime(1_000)
    expect(ended).toEqual(['400 bytes came in 1000 ms'])
  })

  test('is not judged by a time in which its client held it up, too', () => {
    const { body, client, ended } = streamed(false)
    vi.advanceTimersByTime(1_000)
    client.isFull = true
    body.take(Buffer.alloc(10))
    vi.advanceTimersByTime(900)
    client.isFull = false
    body.resume()
    vi.advanceTimersByTime(100)
    expect(ended).toEqual([])
  })
})
