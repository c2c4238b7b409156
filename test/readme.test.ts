// The README is true: what can be checked without running it for a minute is checked here.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scenario } from './support/command.ts'
import {
  dependencies,
  licenceOf,
  metricsTable,
  refusalsTable,
  settingsTable,
} from './support/readme-tables.ts'

const root = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(match => match[1] ?? '')

describe('the README', () => {
  test('holds the tables of settings, refusals and metrics as the code has them', () => {
    expect(readme).toContain(settingsTable())
    expect(readme).toContain(refusalsTable())
    expect(readme).toContain(metricsTable())
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

  test('shows TypeScript that compiles', () => {
    const [example] = blocks('ts')
    const file = join(mkdtempSync(join(root, 'scenarios', 'readme-')), 'example.ts')
    // It stands in a folder of scenarios/, one deeper than where a reader would put it.
    writeFileSync(
      file,
      example!
        .replaceAll("from './engine", "from '../engine")
        .replaceAll("from '../chaos", "from '../../chaos"),
    )
    try {
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', root], { encoding: 'utf8' })
      expect(stdout).toBe('')
    } finally {
      rmSync(resolve(file, '..'), { recursive: true })
    }
  })
})
