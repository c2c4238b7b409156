import { isShare, METRICS, type Metric } from '../scenario.ts'

/** A measured value for people, with its unit: 97.3 %, 1,240 ms, 3. */
export function formatMetric(metric: Metric, value: number): string {
  const { unit } = METRICS[metric]
  if (unit === 'ms')
    return `${value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`
  if (unit === 'count') return value.toLocaleString('en-US')
  return isShare(metric) ? `${(value * 100).toFixed(1)} %` : value.toFixed(2)
}
