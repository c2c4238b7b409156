// Settings that change while the gateway runs, read by the same rules as the environment.
import { z } from 'zod'
import {
  ConfigError,
  type GatewayConfig,
  loadConfig,
  originOf,
  type SettingName,
  settingNear,
} from './config.ts'
import { LIVE_SETTINGS, SETTINGS } from './settings.ts'

/** One setting before and after, as it would be written in the environment. */
export interface SettingChange {
  readonly name: string
  readonly from: string
  readonly to: string
}

export interface ConfigChange {
  readonly config: GatewayConfig
  /** Empty where everything that was asked for was so already. */
  readonly changed: readonly SettingChange[]
}

/** Values as the environment has them, or as numbers; null is the default. */
const wanted = z.record(z.string(), z.union([z.string(), z.number(), z.null()]))

/**
 * The configuration with some settings changed.
 * @param changes settings by their names in the environment
 * @throws ConfigError naming every problem at once; then nothing is changed
 */
export function changeConfig(config: GatewayConfig, changes: unknown): ConfigChange {
  const { data } = wanted.safeParse(changes)
  if (data === undefined) {
    throw new ConfigError([
      'the body is not an object of settings by their names, each a text, a number or null; ' +
        'accepted: one like {"DEADLINE_MS": 300}',
    ])
  }
  const given = Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, value === null ? '' : String(value)]),
  )
  const problems = Object.keys(given).flatMap(refusalOf)
  const next = readOver(config, given, problems)
  return { config: next, changed: changesBetween(config, next) }
}

/** Why a setting cannot be changed now. */
function refusalOf(name: string): string[] {
  if (LIVE_SETTINGS.has(name as SettingName)) return []
  if (Object.hasOwn(SETTINGS, name))
    return [`${name} cannot be changed while the gateway runs; start it anew`]
  const meant = settingNear(name)
  return [`${name} is not a setting${meant === undefined ? '' : `; did you mean ${meant}?`}`]
}

function readOver(
  config: GatewayConfig,
  given: Record<string, string>,
  problems: readonly string[],
): GatewayConfig {
  const live = Object.entries(given).filter(([name]) => LIVE_SETTINGS.has(name as SettingName))
  let found = problems
  try {
    const next = loadConfig({ ...originOf(config).environment, ...Object.fromEntries(live) })
    if (problems.length === 0) return next
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    found = [...problems, ...error.problems]
  }
  throw new ConfigError(found)
}

function changesBetween(before: GatewayConfig, after: GatewayConfig): SettingChange[] {
  const [was, is] = [textsOf(before), textsOf(after)]
  return [...LIVE_SETTINGS]
    .filter(name => was[name] !== is[name])
    .map(name => ({ name, from: was[name]!, to: is[name]! }))
}

/** The values that are in force, whether they were given or not. */
function textsOf(config: GatewayConfig): Partial<Record<SettingName, string>> {
  const { values } = originOf(config)
  return Object.fromEntries([...LIVE_SETTINGS].map(name => [name, textOf(name, values[name])]))
}

function textOf(name: SettingName, value: unknown): string {
  if (name === 'GUARDS') return (value as readonly string[]).join(',') || 'none'
  if (name === 'ACCESS_LOG') return value === 0 ? 'off' : value === 1 ? 'all' : `1/${value}`
  return String(value)
}
