import { traceIdOf } from '../trace-context.ts'
import type { EndedRequest } from './account.ts'
import type { LineLog } from './log.ts'

/** Longer paths are cut: the log is no place for what somebody may send to fill it. */
const PATH_LENGTH = 1_024

/** One line a request, or one for each so many of them. */
export interface AccessLog {
  tell(request: EndedRequest): void
}

/**
 * Failures are always told of; of the rest one in `every()`. 0 tells nothing at all.
 * Refusals are the guards at work and belong to the rest, or a flood of requests would be one of lines too.
 */
export function createAccessLog(log: LineLog, every: () => number): AccessLog {
  let passed = 0
  return {
    tell(request) {
      const nth = every()
      if (nth === 0) return
      if (request.outcome.class === 'failed') return log.warn(lineOf(request), 'request')
      if (passed % nth === 0) log.info(lineOf(request), 'request')
      passed = (passed + 1) % nth
    },
  }
}

function lineOf({ asked, method, target, client, outcome, durationMs, cacheStatus }: EndedRequest): object {
  const traceparent = asked.header('traceparent')
  return {
    method,
    route: asked.parts.route,
    path: target.split('?', 1)[0]!.slice(0, PATH_LENGTH),
    status: outcome.status,
    outcome: outcome.what,
    duration_ms: Math.round(durationMs * 100) / 100,
    upstream_calls: asked.trace.calls,
    cache_status: cacheStatus,
    client,
    trace_id: asked.parts.span?.traceId ?? (traceparent && traceIdOf(traceparent)),
  }
}
