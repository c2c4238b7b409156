import type { ServiceTimeSettings } from './service-time.ts'

/** Where the sample service listens and how it behaves. */
export interface OriginSettings extends ServiceTimeSettings {
  host: string
  /** 0 takes any free port. */
  port: number
}

interface Rule {
  name: string
  fallback: number
  least: number
  most: number
  isWhole: boolean
}

/** A setting that cannot be used: every problem, in one line. */
export class OriginSettingsError extends Error {
  override name = 'OriginSettingsError'
}

/**
 * Reads PORT, HOST, SEED, MEDIAN_MS, SIGMA and CAPACITY.
 * @throws OriginSettingsError naming every bad value, what it was and what is accepted
 */
export function readOriginSettings(environment: Record<string, string | undefined>): OriginSettings {
  const problems: string[] = []
  const read = (rule: Rule) => {
    const given = environment[rule.name]
    if (given === undefined) return rule.fallback
    const value = given.trim() === '' ? Number.NaN : Number(given)
    const isGood = value >= rule.least && value <= rule.most && (!rule.isWhole || Number.isInteger(value))
    if (!isGood) {
      const kind = rule.isWhole ? 'a whole number' : 'a number'
      problems.push(`${rule.name} must be ${kind} from ${rule.least} to ${rule.most}, got "${given}"`)
    }
    return value
  }
  const settings = {
    host: environment.HOST ?? '127.0.0.1',
    port: read({ name: 'PORT', fallback: 8080, least: 0, most: 65_535, isWhole: true }),
    seed: read({ name: 'SEED', fallback: 1, least: 0, most: 4_294_967_295, isWhole: true }),
    medianMs: read({ name: 'MEDIAN_MS', fallback: 20, least: 0, most: 60_000, isWhole: false }),
    sigma: read({ name: 'SIGMA', fallback: 0.3, least: 0, most: 3, isWhole: false }),
    capacity: read({ name: 'CAPACITY', fallback: 0, least: 0, most: 1_000_000, isWhole: true }),
  }
  if (settings.host === '') problems.push('HOST must be an address or a name, got ""')
  if (problems.length > 0) throw new OriginSettingsError(problems.join('; '))
  return settings
}
