import { describe, expect, test } from 'vitest'
import { sliceEnds } from '../../../chaos/proxy/toxics/slicer.ts'

const sizes = (ends: number[]) => ends.map((end, index) => end - (ends[index - 1] ?? 0))
const highest = () => 1 - Number.EPSILON

describe('where the slicer cuts', () => {
  test('64 bytes at 8 are eight pieces of 8', () => {
    expect(sliceEnds(64, 8, 0, Math.random)).toEqual([8, 16, 24, 32, 40, 48, 56, 64])
  })

  test('400 bytes at 40 ± 10 are pieces of no more than 50', () => {
    for (let sample = 0; sample < 100; sample++) {
      const pieces = sizes(sliceEnds(400, 40, 10, Math.random))
      expect(Math.max(...pieces)).toBeLessThanOrEqual(50)
      expect(Math.min(...pieces)).toBeGreaterThan(0)
      expect(pieces.reduce((sum, size) => sum + size)).toBe(400)
    }
  })

  test('a size of 0 cuts nothing', () => {
    expect(sliceEnds(64, 0, 0, Math.random)).toEqual([64])
  })

  test('a size of 1 cuts every byte, and no piece is empty whatever is drawn', () => {
    expect(sizes(sliceEnds(100, 1, 0, Math.random))).toEqual(Array(100).fill(1))
    for (const random of [() => 0, highest, Math.random]) {
      expect(Math.min(...sizes(sliceEnds(1_000, 1, 400, random)))).toBeGreaterThan(0)
    }
  })

  test('a variation over the size leaves a small chunk whole', () => {
    expect(sliceEnds(10, 1, 1_000, highest)).toEqual([10])
  })
})
