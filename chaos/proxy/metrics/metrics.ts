// Prometheus text, under the real server's names.
import type { Stream } from '../../toxic.ts'
import type { LinkCount } from '../link.ts'
import type { TcpProxy } from '../proxy.ts'
import { type MetricFamily, processMetrics } from './process-metrics.ts'

export interface MetricsOptions {
  proxyMetrics: boolean
  runtimeMetrics: boolean
}

const SCRAPE_ERRORS: MetricFamily = {
  name: 'promhttp_metric_handler_errors_total',
  help: 'Total number of internal errors encountered by the promhttp metric handler.',
  type: 'counter',
  samples: ['encoding', 'gathering'].map(cause => ({ labels: `cause="${cause}"`, value: 0 })),
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
    const families = [SCRAPE_ERRORS]
    if (this.#options.runtimeMetrics) families.unshift(...processMetrics())
    if (this.#options.proxyMetrics) families.push(...this.#proxyMetrics())
    return families.map(writeFamily).join('')
  }

  #proxyMetrics(): MetricFamily[] {
    return Object.entries(this.#bytes).map(([way, counters]) => ({
      name: `toxiproxy_proxy_${way}_bytes_total`,
      help: '',
      type: 'counter',
      samples: [...counters]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([labels, value]) => ({ labels, value })),
    }))
  }
}

function add(counters: Map<string, number>, labels: string, bytes: number): void {
  counters.set(labels, (counters.get(labels) ?? 0) + bytes)
}

function writeFamily({ name, help, type, samples }: MetricFamily): string {
  if (samples.length === 0) return ''
  const lines = samples.map(
    ({ labels, value }) => `${name}${labels === undefined ? '' : `{${labels}}`} ${writeNumber(value)}\n`,
  )
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** As Go writes it: from a million on with an exponent, of two digits at least. */
function writeNumber(value: number): string {
  if (value === 0 || (value >= 1e-4 && value < 1e6)) return String(value)
  return value.toExponential().replace(/(?<sign>[+-])(?<digit>\d)$/, '$<sign>0$<digit>')
}
