// The tables of the README that stand in the code, too: made from it, so that they cannot drift.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { METRICS } from '../../scenarios/engine/scenario.ts'
import { REFUSALS } from '../../src/errors.ts'
import { SETTINGS_TABLE } from '../../src/settings.ts'
import { DEVIATIONS } from '../conformance/deviations.ts'

const root = resolve(import.meta.dirname, '../..')

export function settingsTable(): string {
  const rows = SETTINGS_TABLE.map(
    ({ name, default: value, meaning, accepts, isLive }) =>
      `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${meaning} | ${accepts} | ${isLive ? 'yes' : ''} |`,
  )
  return ['| variable | default | meaning | accepted | live |', '|---|---|---|---|---|', ...rows].join('\n')
}

export function refusalsTable(): string {
  const rows = Object.entries(REFUSALS).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  )
  return ['| code | status | title |', '|---|---:|---|', ...rows].join('\n')
}

export function metricsTable(): string {
  const rows = Object.entries(METRICS).map(
    ([name, { unit, meaning }]) => `| \`${name}\` | ${unit} | ${meaning} |`,
  )
  return ['| metric | unit | meaning |', '|---|---|---|', ...rows].join('\n')
}

export function deviationsTable(): string {
  const rows = DEVIATIONS.map(({ name, reason }) => `| ${name} | ${reason} |`)
  return ['| ours | why |', '|---|---|', ...rows].join('\n')
}

/** Direct dependencies, as package.json has them. */
export function dependencies(): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >
  return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap(kind =>
    Object.keys(manifest[kind] ?? {}),
  )
}

/** A dependency's licence, as its own manifest has it; optional ones may not be installed here. */
export function licenceOf(name: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).license
  } catch {
    return undefined
  }
}
