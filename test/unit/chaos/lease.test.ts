// What happens around the end of a lease, in an order that no client can be made to keep.
import { afterEach, expect, test, vi } from 'vitest'
import { parseJson } from '../../../chaos/proxy/json/json.ts'
import type { Lease } from '../../../chaos/proxy/leases/lease.ts'
import { Leases } from '../../../chaos/proxy/leases/leases.ts'
import { Proxies } from '../../../chaos/proxy/proxies.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** A lease of a minute, on a server without its API. */
function takeLease(): { lease: Lease; proxies: Proxies; leases: Leases; log: string[] } {
  const log: string[] = []
  const proxies = new Proxies({
    seed: 1,
    isStrict: false,
    hasExtensions: false,
    log: () => {},
    countLink: () => {},
  })
  const leases = new Leases({ proxies, log: (level, message) => log.push(`${level}: ${message}`) })
  return { lease: leases.create(parseJson('{"ttl_ms":60000}')), proxies, leases, log }
}

const off = parseJson('{"name":"areas","listen":"127.0.0.1:0","upstream":"127.0.0.1:9","enabled":false}')

test('a proxy whose creation outlasts the lease is undone as soon as it is there', async () => {
  const { lease, proxies, log } = takeLease()
  await lease.end('ended')
  await proxies.create(off, lease)
  await vi.waitFor(() => expect(proxies.all()).toEqual([]))
  expect(() => lease.assertStands()).toThrow('lease not found')
  await vi.waitFor(() => {
    expect(log.at(-1)).toBe(`warn: Lease ${lease.id} was over before the call was; undone: proxy areas`)
  })
})

test('an outage that its owner takes back while the lease ends stays taken back', async () => {
  const { lease, proxies } = takeLease()
  const areas = await proxies.create(parseJson('{"name":"areas","listen":"127.0.0.1:0","upstream":"a:9"}'))
  await proxies.update('areas', parseJson('{"enabled":false}'), lease)
  const takenBack = proxies.update('areas', parseJson('{"enabled":true}'), lease)
  await lease.end('ended')
  await takenBack
  await proxies.inTurn('areas', async () => {})
  expect(areas.isEnabled).toBe(true)
  proxies.stopAll()
})

test('a timer that fires early ends nothing', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { lease, leases } = takeLease()
  // The clock itself has hardly moved.
  vi.advanceTimersByTime(60_000)
  expect(leases.all()).toEqual([lease])
  expect(vi.getTimerCount()).toBe(1)
})

test('a lease ends once, and its timer with it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { lease, leases, log } = takeLease()
  await Promise.all([lease.end('ended'), lease.end('ended again')])
  expect(vi.getTimerCount()).toBe(0)
  expect(leases.all()).toEqual([])
  expect(log).toEqual([`info: Lease ${lease.id} ended; nothing was left to undo`])
})
