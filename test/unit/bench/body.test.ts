import { expect, test } from 'vitest'
import { isInPlace, makeBody } from '../../bench/proxy/body.ts'

test('a piece of the body is in its place, and nowhere near it', () => {
  const body = makeBody()
  for (const start of [0, 1, 65_536, body.length - 1_000]) {
    const piece = body.subarray(start, start + 1_000)
    expect(isInPlace(piece, start)).toBe(true)
    expect(isInPlace(piece, start + 1)).toBe(false)
    expect(isInPlace(piece, start + 65_536)).toBe(false)
  }
})

test('a piece with bytes missing inside is not in its place', () => {
  const body = makeBody()
  const holed = Buffer.concat([body.subarray(0, 100), body.subarray(4_196, 5_000)])
  expect(isInPlace(holed, 0)).toBe(false)
})
