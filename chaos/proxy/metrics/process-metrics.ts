// What a Prometheus client library tells of its own process, as far as the operating system says it.
import { readdirSync, readFileSync } from 'node:fs'

/** One metric of Prometheus' text; a sample's labels are written as they will stand between the braces. */
export interface MetricFamily {
  name: string
  help: string
  type: 'counter' | 'gauge'
  samples: { labels?: string; value: number }[]
}

/** Sizes in bytes, times in seconds. Where there is no /proc, what only it knows is left out. */
export function processMetrics(): MetricFamily[] {
  const { user, system } = process.cpuUsage()
  return [
    counter('cpu_seconds_total', 'Total user and system CPU time spent in seconds.', (user + system) / 1e6),
    gauge('max_fds', 'Maximum number of open file descriptors.', limit('Max open files')),
    counter(
      'network_receive_bytes_total',
      'Number of bytes received by the process over the network.',
      octets('InOctets'),
    ),
    counter(
      'network_transmit_bytes_total',
      'Number of bytes sent by the process over the network.',
      octets('OutOctets'),
    ),
    gauge('open_fds', 'Number of open file descriptors.', openDescriptors()),
    gauge('resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()),
    gauge(
      'start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      performance.timeOrigin / 1_000,
    ),
    gauge('virtual_memory_bytes', 'Virtual memory size in bytes.', virtualMemoryBytes()),
    gauge(
      'virtual_memory_max_bytes',
      'Maximum amount of virtual memory available in bytes.',
      limit('Max address space'),
    ),
  ].flatMap(family => family ?? [])
}

const counter = (name: string, help: string, value: number | undefined) =>
  family('counter', name, help, value)
const gauge = (name: string, help: string, value: number | undefined) => family('gauge', name, help, value)

function family(type: MetricFamily['type'], name: string, help: string, value: number | undefined) {
  if (value === undefined || Number.isNaN(value)) return undefined
  return { name: `process_${name}`, help, type, samples: [{ value }] } satisfies MetricFamily
}

/** A file of /proc is in memory: reading it waits for no disk. */
function proc(file: string): string {
  try {
    return readFileSync(`/proc/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** The soft limit of that name. */
function limit(name: string): number | undefined {
  const [, text] = new RegExp(`^${name} +(\\S+)`, 'm').exec(proc('self/limits')) ?? []
  return text === 'unlimited' ? 2 ** 64 : text === undefined ? undefined : Number(text)
}

/** Of the whole network namespace: the kernel counts no process's own. */
function octets(column: string): number | undefined {
  const [names = [], values = []] = proc('self/net/netstat')
    .split('\n')
    .filter(line => line.startsWith('IpExt:'))
    .map(line => line.split(' '))
  const value = values[names.indexOf(column)]
  return value === undefined ? undefined : Number(value)
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

/** The 23rd field; the second is the process's name, which may hold anything but comes in parentheses. */
function virtualMemoryBytes(): number | undefined {
  const stat = proc('self/stat')
  return stat === '' ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[20])
}
