// What is told of every request: counters, durations, one line of the log, a span.
import type { GatewayRequest } from '../guards/request.ts'
import type { AccessLog } from './access-log.ts'
import type { Telemetry } from './events.ts'
import type { Outcome } from './outcome.ts'

/** A request that is over: its last byte is gone, or its client. */
export interface EndedRequest {
  readonly asked: GatewayRequest
  readonly method: string
  /** As it was sent, query and all. */
  readonly target: string
  readonly client: string
  readonly outcome: Outcome
  readonly durationMs: number
  /** The value of its Cache-Status field. */
  readonly cacheStatus: string
}

/** Tells of requests: at once what becomes of them, and at their end how long that took. */
export interface Account {
  settled(outcome: Outcome): void
  ended(request: EndedRequest): void
}

export function createAccount({ teller, durations }: Telemetry, accessLog: AccessLog): Account {
  const tell = teller('requests')
  return {
    settled: outcome => tell(outcome.what),
    ended(request) {
      const { asked, outcome, durationMs } = request
      durations.request[asked.parts.route][outcome.class].observe(durationMs)
      accessLog.tell(request)
      asked.parts.span?.end(request)
    },
  }
}
