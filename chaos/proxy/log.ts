// JSON log lines on stdout, as the real server writes them.

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic'] as const
export type LogLevel = (typeof LEVELS)[number]

/** Behind a reader that has stopped reading, what is more than this is lost. */
const LONGEST_BACKLOG_BYTES = 1024 * 1024

export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void

/** A log that leaves out what is under `least`; an unknown level counts as `info`, and is told. */
export function createLog(least = 'info'): Log {
  const known = (LEVELS as readonly string[]).indexOf(least.toLowerCase())
  const threshold = known === -1 ? LEVELS.indexOf('info') : known
  const log: Log = (level, message, fields) => {
    if (LEVELS.indexOf(level) < threshold || process.stdout.writableLength > LONGEST_BACKLOG_BYTES) return
    process.stdout.write(`${JSON.stringify({ level, ...fields, time: new Date().toISOString(), message })}\n`)
  }
  if (known === -1 && least !== '') log('error', `unknown LOG_LEVEL value: "${least}"`)
  return log
}
