// What `-runtime-metrics` tells: the process_* series of a Prometheus client library, and no Go runtime.
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Child } from '../../../chaos/supervise.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

const EVERYWHERE = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
]
const WITH_PROC = [
  ...EVERYWHERE,
  'process_max_fds',
  'process_network_receive_bytes_total',
  'process_network_transmit_bytes_total',
  'process_open_fds',
  'process_virtual_memory_bytes',
  'process_virtual_memory_max_bytes',
].sort()

let child: Child
beforeAll(async () => {
  child = await startEmbeddedProxy('-runtime-metrics')
})
afterAll(() => child.stop())

async function scrape() {
  const answer = await fetch(`${apiUrl(child)}/metrics`)
  const text = await answer.text()
  const values = Object.fromEntries(
    [...text.matchAll(/^(process_\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  )
  return { text, values, type: answer.headers.get('content-type') }
}

test('the metrics have the type that the real server gives them', async () => {
  expect((await scrape()).type).toBe('text/plain; version=0.0.4; charset=utf-8; escaping=underscores')
})

test('the series of the process are those of a Prometheus client, in their order, and there are no others', async () => {
  const { text, values } = await scrape()
  expect(Object.keys(values)).toEqual(existsSync('/proc/self/stat') ? WITH_PROC : EVERYWHERE)
  const families = [...text.matchAll(/^# TYPE (\w+) \w+$/gm)].map(([, name]) => name)
  expect(families).toEqual([...Object.keys(values), 'promhttp_metric_handler_errors_total'])
})

test('the process has lived, worked and taken memory since it was started', async () => {
  const { values } = await scrape()
  expect(values.process_cpu_seconds_total).toBeGreaterThan(0)
  expect(values.process_resident_memory_bytes).toBeGreaterThan(1_000_000)
  const ageSeconds = Date.now() / 1_000 - values.process_start_time_seconds!
  expect(ageSeconds).toBeGreaterThan(0)
  expect(ageSeconds).toBeLessThan(600)
})

describe.runIf(existsSync('/proc/self/stat'))('where there is a /proc', () => {
  test('limits are those the kernel keeps for the process', async () => {
    const limits = readFileSync(`/proc/${child.pid}/limits`, 'utf8')
    const soft = (name: string) =>
      new RegExp(`${name} +(\\S+)`).exec(limits)?.[1]?.replace('unlimited', `${2 ** 64}`)
    const { values } = await scrape()
    expect(values.process_max_fds).toBe(Number(soft('Max open files')))
    expect(values.process_virtual_memory_max_bytes).toBe(Number(soft('Max address space')))
  })

  test('memory and descriptors are those in use', async () => {
    const { values } = await scrape()
    const [, kibibytes] =
      /^VmSize:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
    const bytes = Number(kibibytes) * 1_024
    // Between two readings a heap grows or a thread comes; never by half.
    expect(values.process_virtual_memory_bytes).toBeGreaterThan(bytes / 2)
    expect(values.process_virtual_memory_bytes).toBeLessThan(bytes * 2)
    expect(values.process_open_fds).toBeGreaterThan(2)
    expect(values.process_open_fds).toBeLessThan(values.process_max_fds!)
  })

  test('bytes over the network grow with each answer', async () => {
    const { values: before } = await scrape()
    const { values: after } = await scrape()
    expect(after.process_network_receive_bytes_total).toBeGreaterThan(
      before.process_network_receive_bytes_total!,
    )
    expect(after.process_network_transmit_bytes_total).toBeGreaterThan(
      before.process_network_transmit_bytes_total!,
    )
  })
})
