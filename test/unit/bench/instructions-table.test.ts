import { expect, test } from 'vitest'
import { instructionsSection } from '../../bench/instructions/table.ts'

const COUNTED = [
  ['bare node:http, the same bytes', 60_000],
  ['gateway, memory cache, all guards', 80_000],
  ['bare Fastify, rate-limit and lru-cache', 75_000],
  ['@fastify/http-proxy', 320_000],
  ['gateway, all guards', 200_000],
  ['gateway, no guards', 160_000],
  ['bare Fastify and undici', 150_000],
  ['gateway, cache alone', 170_000],
] as const
const section = (skip?: string) =>
  instructionsSection(
    COUNTED.filter(([name]) => name !== skip).map(([name, instructions]) => ({ name, instructions })),
  )

test('each row is held against the first of its kind, and guards against none', () => {
  expect(section().rows.map(row => row.slice(1).join(' '))).toEqual([
    ...['60.0 1.00 –', '80.0 1.33 –', '75.0 1.25 –'],
    ...['320.0 1.00 –', '200.0 0.63 40.0', '160.0 0.50 –', '150.0 0.47 –', '170.0 0.53 10.0'],
  ])
})

test('what takes fewer instructions than it may, meets its target', () => {
  expect(section().targets.map(({ figure, isMet }) => `${figure} ${isMet}`)).toEqual([
    '0.75 true',
    '1.60 true',
    '2.00 true',
  ])
})

test('nothing is judged where a row is missing', () => {
  expect(section('@fastify/http-proxy').targets.map(({ isMet }) => isMet)).toEqual([
    true,
    undefined,
    undefined,
  ])
})
