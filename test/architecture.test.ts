// The house rule "who may import whom" (README, Layout), read from the import statements themselves.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')

interface Import {
  from: string
  to: string
  typeOnly: boolean
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gms,
  )
  return [...statements].map(([, typeOnly, from, bare, dynamic]) => {
    const target = from ?? bare ?? dynamic ?? ''
    const to = target.startsWith('.') ? relative(root, resolve(root, dirname(file), target)) : target
    return { from: file, to, typeOnly: typeOnly !== undefined }
  })
}

const files = ['src', 'chaos', 'scenarios'].flatMap(sourceFiles)
const imports = files.flatMap(importsOf)
const ours = (path: string) => /^(src|chaos|scenarios|test)\//.test(path)
const show = (list: Import[]) => list.map(({ from, to }) => `${from} imports ${to}`)

describe('who may import whom', () => {
  test('the reader of imports sees them', () => {
    expect(imports.length).toBeGreaterThan(files.length)
  })

  test('the gateway and the faults import nothing of ours but themselves', () => {
    const strangers = imports.filter(
      ({ from, to }) =>
        ours(to) &&
        ((from.startsWith('src/') && !to.startsWith('src/')) ||
          (from.startsWith('chaos/') && !to.startsWith('chaos/'))),
    )
    expect(show(strangers)).toEqual([])
  })

  test('a scenario imports the vocabulary only', () => {
    const vocabulary = ['scenarios/engine/scenario.ts', 'chaos/toxic.ts', 'chaos/fault.ts']
    const strangers = imports.filter(
      ({ from, to }) => /^scenarios\/[^/]+\.ts$/.test(from) && !vocabulary.includes(to),
    )
    expect(show(strangers)).toEqual([])
  })

  test('the engine reaches the gateway by its types alone, and the report reaches the engine by its types alone', () => {
    const strangers = imports.filter(
      ({ from, to, typeOnly }) =>
        !typeOnly &&
        ((from.startsWith('scenarios/engine/') && to.startsWith('src/')) ||
          (from.startsWith('scenarios/report/') && ours(to) && !to.startsWith('scenarios/report/'))),
    )
    expect(show(strangers)).toEqual([])
  })

  test('each dependency has one door', () => {
    const doors: Record<string, RegExp> = {
      fastify: /^src\/(server\.ts|routes\/)|^chaos\/(proxy\/api\/|http\/)|^scenarios\/engine\/origin\//,
      '@fastify/rate-limit': /^src\/limiter\/rate-limiter\.ts/,
      undici: /^src\/upstream\/|^scenarios\/engine\/load\//,
      pino: /^src\/telemetry\/log\.ts/,
      opossum: /^src\/guards\/breaker\.ts/,
      iovalkey: /^src\/cache\/redis\.ts/,
      '@prometheus-io/client': /^src\/telemetry\/prometheus\.ts/,
      'http-cache-semantics': /^src\/cache\/semantics\.ts/,
      'lru-cache': /^src\/cache\/memory\.ts/,
      'toxiproxy-node-client': /^chaos\/toxiproxy\.ts/,
      'd3-scale': /^scenarios\/report\//,
      'd3-shape': /^scenarios\/report\//,
      commander: /^scenarios\/engine\/command\/command-line\.ts|^chaos\/proxy\/main\.ts/,
    }
    const strangers = imports.filter(
      ({ from, to, typeOnly }) => !typeOnly && doors[to] !== undefined && !doors[to].test(from),
    )
    expect(show(strangers)).toEqual([])
  })

  test('OpenTelemetry has one room, and who has no collector never loads it', () => {
    const room = 'src/telemetry/open-telemetry/'
    const strangers = imports.filter(
      ({ from, to, typeOnly }) => to.startsWith('@opentelemetry/') && !typeOnly && !from.startsWith(room),
    )
    expect(show(strangers)).toEqual([])
    const loaders = imports.filter(
      ({ from, to, typeOnly }) => to.startsWith(room) && !typeOnly && !from.startsWith(room),
    )
    expect(loaders.map(({ from }) => from)).toEqual(['src/server.ts'])
    expect(readFileSync(join(root, 'src/server.ts'), 'utf8')).toContain(
      `await import('./telemetry/open-telemetry/`,
    )
  })

  test('nobody but configuration and process entries reads the environment', () => {
    const entries = /^src\/config\.ts$|\/main\.ts$|\/(cli|dev|guardian)\.ts$/
    const readers = files.filter(
      file => !entries.test(file) && /process\.env\b/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(readers).toEqual([])
  })
})
