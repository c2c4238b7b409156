import { expect, test, vi } from 'vitest'
import { recalling } from '../../../src/cache/recall.ts'

test('what was made for a key is made once, whatever was asked for in between', () => {
  const make = vi.fn((key: string) => ({ key }))
  const recall = recalling(make)
  const first = recall('a')
  expect(recall('a')).toBe(first)
  expect(recall('b')).toEqual({ key: 'b' })
  expect(recall('a')).toBe(first)
  expect(make.mock.calls).toEqual([['a'], ['b']])
})

test('what is false is remembered like anything else', () => {
  const make = vi.fn(() => false)
  const recall = recalling(make)
  expect([recall('a'), recall(''), recall('a'), recall('')]).toEqual([false, false, false, false])
  expect(make).toHaveBeenCalledTimes(2)
})

test('of many keys some are made anew: no more than so many are kept', () => {
  const make = vi.fn((key: string) => key)
  const recall = recalling(make)
  for (let turn = 0; turn < 2; turn += 1) for (let key = 0; key < 1_000; key += 1) recall(String(key))
  expect(make).toHaveBeenCalledTimes(2_000)
})
