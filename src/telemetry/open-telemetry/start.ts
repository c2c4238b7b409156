// OpenTelemetry: traces and metrics to a collector, over OTLP. Loaded only where there is one to send to.
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { SamplerName } from '../../settings.ts'
import { VERSION } from '../event-stream.ts'
import type { LineLog } from '../log.ts'
import type { Metric } from '../metrics.ts'
import type { Tracer } from '../tracing.ts'
import { metricProducer } from './metric-producer.ts'
import { samplerOf } from './sampler.ts'
import { createTracer } from './tracer.ts'

export interface OpenTelemetryOptions {
  otelTraces: boolean
  otelMetrics: boolean
  otelSampler: SamplerName
  /** The share of traces that are kept, where the sampler asks for one. */
  otelSamplerShare: number
  otelSpanDelayMs: number
  otelMetricIntervalMs: number
  /** Whom the spans of calls name. */
  upstreamOrigin: string
}

/** What is sent to the collector, until it is closed. */
export interface OpenTelemetry {
  readonly tracer: Tracer | undefined
  /** Sends what is left; a collector that does not answer is not waited for. */
  close(): Promise<void>
}

const CLOSE_MS = 500

/** Where to send, with which headers, limits and certificates, the exporters read in the environment themselves. */
export function startOpenTelemetry(
  options: OpenTelemetryOptions,
  metrics: readonly Metric[],
  log: LineLog,
): OpenTelemetry {
  tellTroubles(log)
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'leeward', 'service.version': VERSION }))
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }))
  const traces = new TracerProvider({
    resource,
    sampler: samplerOf(options.otelSampler, options.otelSamplerShare),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        scheduledDelayMillis: options.otelSpanDelayMs,
      }),
    ],
  })
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: options.otelMetricIntervalMs,
    metricProducers: [metricProducer(metrics, resource)],
  })
  const meters = new MeterProvider({ resource, readers: options.otelMetrics ? [reader] : [] })
  return {
    tracer: options.otelTraces ? createTracer(traces, options.upstreamOrigin) : undefined,
    close: () => within(CLOSE_MS, Promise.allSettled([traces.shutdown(), meters.shutdown()])),
  }
}

function tellTroubles(log: LineLog): void {
  const tell = (message: string) => log.warn({ detail: message }, 'OpenTelemetry has a trouble')
  const ignore = () => {}
  diag.setLogger(
    { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
