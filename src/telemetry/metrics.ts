// The counters in Prometheus's text format, version 0.0.4.

/** What the gateway is like at this moment. */
export interface Gauges {
  upstreamInFlight: number
  breakerState: string
  eventLoopLagMs: number
  rssBytes: number
  heapBytes: number
}

const STATES = ['closed', 'half-open', 'open']

export function metricsText(counts: Readonly<Record<string, number>>, gauges: Gauges): string {
  const events = Object.entries(counts).map(([name, count]) => {
    const [source, what] = name.split('.')
    return `leeward_events_total{source="${source}",what="${what}"} ${count}`
  })
  const states = STATES.map(
    state => `leeward_breaker_state{state="${state}"} ${state === gauges.breakerState ? 1 : 0}`,
  )
  return [
    ...metric('leeward_events_total', 'counter', 'What each guard and the upstream did.', events),
    ...metric('leeward_breaker_state', 'gauge', 'The state the breaker is in.', states),
    ...metric('leeward_upstream_in_flight', 'gauge', 'Upstream calls under way.', [
      `leeward_upstream_in_flight ${gauges.upstreamInFlight}`,
    ]),
    ...metric(
      'leeward_event_loop_lag_seconds',
      'gauge',
      'Longest lag of the event loop in the last second.',
      [`leeward_event_loop_lag_seconds ${gauges.eventLoopLagMs / 1000}`],
    ),
    ...metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [
      `process_resident_memory_bytes ${gauges.rssBytes}`,
    ]),
    ...metric('leeward_heap_used_bytes', 'gauge', 'Heap in use.', [
      `leeward_heap_used_bytes ${gauges.heapBytes}`,
    ]),
    '',
  ].join('\n')
}

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples]
}
