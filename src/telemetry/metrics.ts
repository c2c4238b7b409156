// Every metric of the gateway, read when somebody asks: nothing is labelled, formatted or sent before.
import type { GatewayParts } from '../gateway-parts.ts'
import type { BreakerState } from '../guards/breaker.ts'
import { DURATION_BOUNDS_MS, type DurationHistogram } from './duration-histogram.ts'
import { VERSION } from './event-stream.ts'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** Counts for each bound, not cumulated, and one for what is over the last; in the metric's unit. */
export interface HistogramSample {
  readonly labels: Labels
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

interface Described {
  /** Words parted by dots, as OpenTelemetry writes them. */
  readonly name: string
  readonly help: string
  /** `s` or `By`; empty for a plain number. */
  readonly unit: '' | 's' | 'By'
  readonly labelNames: readonly string[]
}

export interface NumberMetric extends Described {
  readonly kind: 'counter' | 'gauge'
  read(): Sample[]
}

export interface HistogramMetric extends Described {
  readonly kind: 'histogram'
  read(): HistogramSample[]
}

/** One metric, and the way to read it now. Label values come from short fixed lists, never from a request. */
export type Metric = NumberMetric | HistogramMetric

const STATES: readonly BreakerState[] = ['closed', 'half-open', 'open']

export function createMetrics(parts: GatewayParts): Metric[] {
  return [...guardMetrics(parts), ...upstreamMetrics(parts), ...durationMetrics(parts), ...ownMetrics(parts)]
}

function guardMetrics({ telemetry, live }: GatewayParts): Metric[] {
  return [
    {
      ...described('leeward.events', 'What each guard and the upstream did.', '', ['source', 'what']),
      kind: 'counter',
      read: () => Object.entries(telemetry.counts()).map(([name, value]) => eventSample(name, value)),
    },
    {
      ...described('leeward.breaker.state', 'The state that the breaker is in.', '', ['state']),
      kind: 'gauge',
      read: () =>
        STATES.map(state => ({ labels: { state }, value: state === live.now.state.breaker.state ? 1 : 0 })),
    },
  ]
}

function upstreamMetrics({ upstream, live }: GatewayParts): Metric[] {
  return [
    gauge('leeward.upstream.in_flight', 'Calls to the upstream under way.', '', () => upstream.inFlight),
    gauge('leeward.cache.entries', 'Answers kept in memory.', '', () => live.now.store.held?.().entries ?? 0),
    gauge('leeward.cache.size', 'Memory that they take.', 'By', () => live.now.store.held?.().bytes ?? 0),
  ]
}

function durationMetrics({ telemetry: { durations } }: GatewayParts): Metric[] {
  return [
    {
      ...described(
        'leeward.request.duration',
        'From the arrival of a request to the last byte of its answer.',
        's',
        ['route', 'outcome'],
      ),
      kind: 'histogram',
      read: () =>
        Object.entries(durations.request).flatMap(([route, byOutcome]) =>
          Object.entries(byOutcome).flatMap(([outcome, histogram]) =>
            observed({ route, outcome }, histogram),
          ),
        ),
    },
    {
      ...described(
        'leeward.upstream.call.duration',
        'From the start of a call to the last byte of its answer.',
        's',
        ['outcome'],
      ),
      kind: 'histogram',
      read: () =>
        Object.entries(durations.upstreamCall).flatMap(([outcome, histogram]) =>
          observed({ outcome }, histogram),
        ),
    },
  ]
}

function ownMetrics({ lag }: GatewayParts): Metric[] {
  return [
    gauge(
      'leeward.event_loop.lag',
      'Longest lag of the event loop in the last second.',
      's',
      () => lag.recent() / 1000,
    ),
    {
      ...described('leeward.build.info', 'Which gateway this is.', '', ['version', 'node']),
      kind: 'gauge',
      read: () => [{ labels: { version: VERSION, node: process.version }, value: 1 }],
    },
  ]
}

function described(
  name: string,
  help: string,
  unit: Described['unit'],
  labelNames: readonly string[],
): Described {
  return { name, help, unit, labelNames }
}

function gauge(name: string, help: string, unit: Described['unit'], value: () => number): Metric {
  return {
    ...described(name, help, unit, []),
    kind: 'gauge',
    read: () => [{ labels: {}, value: value() }],
  }
}

function eventSample(name: string, value: number): Sample {
  const [source = '', what = ''] = name.split('.')
  return { labels: { source, what }, value }
}

const BOUNDS_SECONDS = DURATION_BOUNDS_MS.map(ms => ms / 1000)

/** Nothing of what never happened: most pairs of labels never do. */
function observed(labels: Labels, { counts, sumMs }: DurationHistogram): HistogramSample[] {
  if (counts.every(count => count === 0)) return []
  return [{ labels, bounds: BOUNDS_SECONDS, counts: [...counts], sum: sumMs / 1000 }]
}
