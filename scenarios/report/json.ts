// The report as a file, and back: what is written is all that a rendering needs.
import { type Report, SCHEMA_VERSION } from './report.ts'

/** A text that is no report this version can read; the message is one line that says why and what to do. */
export class ReportReadError extends Error {
  override name = 'ReportReadError'
}

type Kind = 'object' | 'array' | 'string' | 'number' | 'boolean'

const KINDS = {
  schemaVersion: 'number',
  id: 'string',
  startedAt: 'string',
  finishedAt: 'string',
  command: 'string',
  seed: 'number',
  quick: 'boolean',
  scenario: 'object',
  environment: 'object',
  verdict: 'object',
  caveats: 'array',
  phases: 'array',
  arms: 'array',
  differences: 'array',
  findings: 'array',
  probes: 'array',
  instrument: 'object',
  cleanUp: 'object',
} as const satisfies Record<keyof Report, Kind>

/** `report.json`. */
export function toJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`
}

/**
 * Reads what `toJson` wrote.
 * @throws ReportReadError when it is no JSON, no report, or of another schema version
 */
export function readReport(text: string): Report {
  const value = parse(text)
  if (typeof value !== 'object' || value === null || !('schemaVersion' in value)) {
    throw new ReportReadError('this is JSON but no report: it has no schemaVersion; name the folder of a run')
  }
  if (value.schemaVersion !== SCHEMA_VERSION) {
    throw new ReportReadError(
      `the report has schemaVersion ${JSON.stringify(value.schemaVersion)} and this version reads ${SCHEMA_VERSION}; ` +
        'render it with the version that made it, or run the scenario again',
    )
  }
  const damage = damageIn(value)
  if (damage.length > 0) {
    throw new ReportReadError(`the report is damaged: ${damage.join(', ')}; run the scenario again`)
  }
  return value as Report
}

function damageIn(value: object): string[] {
  const found = new Map<string, unknown>(Object.entries(value))
  return Object.entries(KINDS).flatMap(([key, kind]) => {
    if (!found.has(key)) return [`it lacks ${key}`]
    return kindOf(found.get(key)) === kind ? [] : [`${key} is no ${kind}`]
  })
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : String(cause)
    throw new ReportReadError(`the report is not JSON (${why}); run the scenario again`, { cause })
  }
}
