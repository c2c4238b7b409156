// Prometheus text, under the real server's names.
import type { Stream } from '../toxic.ts'
import type { LinkCount } from './link.ts'
import type { TcpProxy } from './proxy.ts'

export interface MetricsOptions {
  proxyMetrics: boolean
  runtimeMetrics: boolean
}

/** Counts the bytes of links that have ended, and writes them out with what else was asked for. */
export class Metrics {
  readonly #options: MetricsOptions
  readonly #bytes = { received: new Map<string, number>(), sent: new Map<string, number>() }

  constructor(options: MetricsOptions) {
    this.#options = options
  }

  get isOn(): boolean {
    return this.#options.proxyMetrics || this.#options.runtimeMetrics
  }

  /** Nothing is kept that nobody asked for: every port a proxy ever had is a line of its own. */
  count({ name, listen, upstream }: TcpProxy, direction: Stream, { received, sent }: LinkCount): void {
    if (!this.#options.proxyMetrics) return
    const labels = Object.entries({ direction, listener: listen, proxy: name, upstream })
      .map(
        ([label, value]) =>
          `${label}="${value.replace(/["\\\n]/g, char => (char === '\n' ? '\\n' : `\\${char}`))}"`,
      )
      .join(',')
    add(this.#bytes.received, labels, received)
    if (sent !== null) add(this.#bytes.sent, labels, sent)
  }

  text(): string {
    const lines: string[] = []
    if (this.#options.runtimeMetrics) lines.push(...runtimeLines())
    lines.push(
      '# HELP promhttp_metric_handler_errors_total Total number of internal errors encountered by the promhttp metric handler.',
      '# TYPE promhttp_metric_handler_errors_total counter',
      'promhttp_metric_handler_errors_total{cause="encoding"} 0',
      'promhttp_metric_handler_errors_total{cause="gathering"} 0',
    )
    if (this.#options.proxyMetrics) {
      for (const [way, counters] of Object.entries(this.#bytes)) {
        const name = `toxiproxy_proxy_${way}_bytes_total`
        if (counters.size > 0) lines.push(`# HELP ${name} `, `# TYPE ${name} counter`)
        for (const [labels, bytes] of counters) lines.push(`${name}{${labels}} ${bytes}`)
      }
    }
    return `${lines.join('\n')}\n`
  }
}

function add(counters: Map<string, number>, labels: string, bytes: number): void {
  counters.set(labels, (counters.get(labels) ?? 0) + bytes)
}

function runtimeLines(): string[] {
  const { user, system } = process.cpuUsage()
  const gauge = (name: string, help: string, value: number, type = 'gauge') => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    `${name} ${value}`,
  ]
  return [
    ...gauge(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1e6,
      'counter',
    ),
    ...gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()),
    ...gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      performance.timeOrigin / 1_000,
    ),
  ]
}
