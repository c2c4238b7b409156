// The report as a file, and back: what is written is all that a rendering needs.
import { type Report, SCHEMA_VERSION } from './report.ts'

/** A text that is no report this version can read; the message is one line that says why and what to do. */
export class ReportReadError extends Error {
  override name = 'ReportReadError'
}

const NEEDED = ['scenario', 'verdict', 'phases', 'arms', 'findings', 'instrument', 'environment'] as const

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
  const missing = NEEDED.filter(key => !(key in value))
  if (missing.length > 0) {
    throw new ReportReadError(`the report is damaged, it lacks ${missing.join(', ')}; run the scenario again`)
  }
  return value as Report
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : String(cause)
    throw new ReportReadError(`the report is not JSON (${why}); run the scenario again`, { cause })
  }
}
