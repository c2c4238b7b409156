import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keysOfPath, pathOfKey } from '../../../src/cache/keys.ts'
import { memoryStore } from '../../../src/cache/memory.ts'
import { isMeant } from '../../../src/cache/purge.ts'
import type { CacheEntry } from '../../../src/cache/store.ts'

const ORIGINS = [undefined, 'http://gateway.test', 'https://127.0.0.1:3000', 'http://[::1]:3000', 'http://']
const paths = fc
  .array(fc.constantFrom('a', 'areas', '1', '/', '//', '?', '&', '=', '%2F', '://', 'http://x', ' ', '.'), {
    maxLength: 8,
  })
  .map(parts => `/${parts.join('')}`)

describe('a purge', () => {
  test('finds the path in every key, whichever route, host and variant it is for', () => {
    fc.assert(
      fc.property(paths, fc.constantFrom(...ORIGINS), fc.boolean(), (path, origin, isVariant) => {
        for (const base of keysOfPath(path, origin)) {
          expect(pathOfKey(isVariant ? `${base}\ngeneration\naccept=/other` : base)).toBe(path)
        }
      }),
      { seed: 42, numRuns: 500 },
    )
  })

  test.each([
    [{ all: true } as const, '/areas/1', true],
    [{ path: '/areas/1' }, '/areas/1', true],
    [{ path: '/areas/1' }, '/areas/11', false],
    [{ path: '/areas/1' }, '/areas/1?x=1', false],
    [{ path: '/areas/1' }, '/more/areas/1', false],
    [{ prefix: '/areas/' }, '/areas/1?x=1', true],
    [{ prefix: '/areas/' }, '/areas', false],
    [{ prefix: '/areas/' }, '/more/areas/1', false],
    [{ prefix: '/' }, '/', true],
  ])('by %j, of %s: %s', (purge, path, isAmong) => {
    expect(isMeant(purge, `proxy http://gateway.test${path}`)).toBe(isAmong)
    expect(isMeant(purge, `proxy http://gateway.test${path}\ngeneration\naccept=x`)).toBe(isAmong)
  })

  test('leaves in memory exactly what it does not mean', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(paths, { maxLength: 20 }), paths, async (stored, prefix) => {
        const store = memoryStore({ cacheMaxBytes: 1_000_000 })
        for (const path of stored)
          store.set(`proxy ${path}`, { headers: [], body: Buffer.alloc(0) } as never as CacheEntry)
        await store.purge({ prefix })
        for (const path of stored)
          expect(store.get(`proxy ${path}`) === undefined).toBe(path.startsWith(prefix))
      }),
      { seed: 42 },
    )
  })
})
