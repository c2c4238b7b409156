import { type HrTime, ValueType } from '@opentelemetry/api'
import { hrTime } from '@opentelemetry/core'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { VERSION } from '../event-stream.ts'
import type { HistogramSample, Labels, Metric } from '../metrics.ts'

/** Hands the metrics over as they stand whenever they are to be sent. */
export function metricProducer(metrics: readonly Metric[], resource: Resource): MetricProducer {
  const begunAt = hrTime()
  const scope = { name: 'leeward', version: VERSION }
  return {
    async collect() {
      const times = { startTime: begunAt, endTime: hrTime() }
      const sent = metrics.map(metric => dataOf(metric, times))
      return { resourceMetrics: { resource, scopeMetrics: [{ scope, metrics: sent }] }, errors: [] }
    },
  }
}

interface Times {
  startTime: HrTime
  endTime: HrTime
}

function dataOf(metric: Metric, times: Times): MetricData {
  const about = {
    descriptor: {
      name: metric.name,
      description: metric.help,
      unit: metric.unit,
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (metric.kind === 'histogram') {
    const dataPoints = metric.read().map(sample => pointOf(sample.labels, histogramOf(sample), times))
    return { ...about, dataPointType: DataPointType.HISTOGRAM, dataPoints }
  }
  const dataPoints = metric.read().map(({ labels, value }) => pointOf(labels, value, times))
  if (metric.kind === 'gauge') return { ...about, dataPointType: DataPointType.GAUGE, dataPoints }
  return { ...about, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
}

function pointOf<T>(labels: Labels, value: T, times: Times): DataPoint<T> {
  return { ...times, attributes: { ...labels }, value }
}

function histogramOf({ bounds, counts, sum }: HistogramSample): Histogram {
  const count = counts.reduce((total, inBucket) => total + inBucket, 0)
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count }
}
