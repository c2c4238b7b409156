// The metrics as Prometheus reads them.
import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client'
import type { HistogramMetric, HistogramSample, Metric } from './metrics.ts'

/** What is read at `/metrics`. */
export interface MetricsPage {
  readonly contentType: string
  text(): Promise<string>
}

/** Memory, CPU, event loop, garbage collection: of the process, whatever it holds. Made once: it cannot be taken down. */
let processMetrics: Registry | undefined

export function createMetricsPage(metrics: readonly Metric[]): MetricsPage {
  if (processMetrics === undefined) {
    processMetrics = new Registry()
    collectDefaultMetrics({ register: processMetrics })
  }
  const own = new Registry()
  for (const metric of metrics) register(metric, own)
  const registry = Registry.merge([own, processMetrics])
  return { contentType: registry.contentType, text: () => registry.metrics() }
}

const UNITS = { '': '', s: '_seconds', By: '_bytes' }

function register(metric: Metric, registry: Registry): void {
  const name = metric.name.replaceAll('.', '_') + UNITS[metric.unit]
  if (metric.kind === 'histogram') {
    registry.registerMetric(histogram(name, metric))
    return
  }
  const Kind = metric.kind === 'counter' ? Counter : Gauge
  new Kind({
    name: metric.kind === 'counter' ? `${name}_total` : name,
    help: metric.help,
    labelNames: [...metric.labelNames],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value } of metric.read()) this.inc(labels, value)
    },
  })
}

/** The client's own histogram must be told of every single value; this one is counted elsewhere, and only read. */
function histogram(name: string, { help, read }: HistogramMetric) {
  const get = async () => ({ name, help, type: 'histogram', values: read().flatMap(valuesOf(name)) })
  return { name, help, get } as unknown as Parameters<Registry['registerMetric']>[0]
}

function valuesOf(name: string) {
  return ({ labels, bounds, counts, sum }: HistogramSample) => {
    let count = 0
    const buckets = counts.map((inBucket, index) => {
      count += inBucket
      return {
        metricName: `${name}_bucket`,
        labels: { le: bounds[index] ?? '+Inf', ...labels },
        value: count,
      }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}
