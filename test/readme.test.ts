// The README is true: what can be checked without running it for a minute is checked here.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { usage } from '../chaos/proxy/command-line.ts'
import type { ToxicKind } from '../chaos/proxy/pipe.ts'
import { scenario } from './support/command.ts'
import {
  dependencies,
  deviationsTable,
  licenceOf,
  metricsTable,
  refusalsTable,
  settingsTable,
} from './support/readme-tables.ts'
import { stageWith, toxicOf } from './support/staged-toxic.ts'

const root = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(match => match[1] ?? '')

describe('the README', () => {
  test('holds the tables of settings, refusals, metrics and deviations as the code has them', () => {
    expect(readme).toContain(settingsTable())
    expect(readme).toContain(refusalsTable())
    expect(readme).toContain(metricsTable())
    expect(readme).toContain(deviationsTable())
    expect(readme).toContain(usage())
  })

  test('names only scripts that exist', () => {
    const named = [...readme.matchAll(/npm (?:run )?(start|test|dev|(?<=run )[\w-]+)/g)].map(
      match => match[1]!,
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter(name => manifest.scripts[name] === undefined)).toEqual([])
  })

  test('names every dependency with its licence', () => {
    const missing = dependencies().filter(name => !readme.includes(`\`${name}\``))
    expect(missing).toEqual([])
    const wrong = dependencies().filter(name => {
      const row = readme.split('\n').find(line => line.startsWith('|') && line.includes(`\`${name}\``))
      const licence = licenceOf(name)
      return licence !== undefined && !row?.includes(licence)
    })
    expect(wrong).toEqual([])
  })

  test('has no link to a file or heading that does not exist', () => {
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(match => match[1]!)
    const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(
      match =>
        `#${match[1]!
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, '')
          .replaceAll(' ', '-')}`,
    )
    const broken = links.filter(link =>
      link.startsWith('#')
        ? !headings.includes(link)
        : !link.startsWith('https://') && !existsSync(join(root, link)),
    )
    expect(broken).toEqual([])
  })

  test('lists the scenarios as the command does', async () => {
    const run = scenario([])
    await run.ended
    expect(readme).toContain(run.stdout().trimEnd())
  })

  test('shows TypeScript that compiles, and a toxic that does what is said of it', async () => {
    const [example, toxic] = blocks('ts')
    // They stand one folder deeper than where a reader would put them.
    const scenarioFile = writeDeeper('scenarios', 'example.ts', example!, ['./engine', '../chaos'])
    const toxicFile = writeDeeper('chaos/proxy/toxics', 'stutter.ts', toxic!, ['../pipe.ts'])
    try {
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', root], { encoding: 'utf8' })
      expect(stdout).toBe('')
      const { stutter } = (await import(toxicFile)) as { stutter: ToxicKind }
      await expectStutter(stutter)
    } finally {
      for (const file of [scenarioFile, toxicFile]) rmSync(resolve(file, '..'), { recursive: true })
    }
  }, 60_000)
})

function writeDeeper(folder: string, name: string, text: string, imports: string[]): string {
  const file = join(mkdtempSync(join(root, folder, 'readme-')), name)
  const deeper = (path: string) => (path.startsWith('./') ? `.${path}` : `../${path}`)
  const moved = imports.reduce((so, path) => so.replaceAll(`from '${path}`, `from '${deeper(path)}`), text)
  writeFileSync(file, moved)
  return file
}

/** Three bytes, then a pause of 100 ms. */
async function expectStutter(kind: ToxicKind): Promise<void> {
  vi.useFakeTimers()
  const { came, push } = stageWith({ ...toxicOf('noop', { bytes: 3, pause: 100 }), kind })
  push('ab')
  push('c')
  push('d')
  await vi.advanceTimersByTimeAsync(200)
  vi.useRealTimers()
  expect(came).toEqual([
    [0, 'ab'],
    [0, 'c'],
    [100, 'd'],
  ])
}
