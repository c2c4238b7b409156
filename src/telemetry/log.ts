// The door to pino. Fastify has no logger: with one, every request would pay for a logger of its own and two listeners.
import { type Logger, pino } from 'pino'

/** A place for structured lines. */
export interface LineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** The gateway's log: one line of JSON an event, on stdout. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'level'>

export function createLog(level: string): Log {
  // Not pino's own way to stdout: at the exit it tries for ever to write to a pipe that nobody reads any more.
  return pino({ level }, { write: line => process.stdout.write(line) })
}
