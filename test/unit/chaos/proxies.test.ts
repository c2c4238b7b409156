// Changes of proxies, where one of them waits for a name that does not resolve.
import { lookup } from 'node:dns/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseJson } from '../../../chaos/proxy/json/json.ts'
import { Proxies } from '../../../chaos/proxy/proxies.ts'

vi.mock('node:dns/promises', () => ({ lookup: vi.fn() }))

const resolvers: (() => void)[] = []
let proxies: Proxies

beforeEach(() => {
  vi.mocked(lookup).mockImplementation((async () => {
    await new Promise<void>(resolve => resolvers.push(resolve))
    return { address: '127.0.0.1', family: 4 }
  }) as unknown as typeof lookup)
  proxies = new Proxies({
    seed: 1,
    isStrict: false,
    hasExtensions: false,
    log: () => {},
    countLink: () => {},
  })
})
afterEach(async () => {
  for (const resolve of resolvers.splice(0)) resolve()
  proxies.stopAll()
})

const body = (value: unknown) => parseJson(JSON.stringify(value))
const entry = (name: string, listen: string) => body({ name, listen, upstream: '127.0.0.1:9' })

describe('while the name of one proxy does not resolve', () => {
  test('others are created, changed, replaced and deleted', async () => {
    const slow = proxies.create(entry('slow', 'slow.test:0'))
    await proxies.create(entry('other', '127.0.0.1:0'))
    await proxies.update('other', body({ enabled: false }))
    await proxies.populate(body([{ name: 'other', listen: '127.0.0.1:0', upstream: 'x' }]))
    await proxies.reset()
    await proxies.delete('other')
    expect(proxies.all()).toEqual([])

    resolvers.shift()?.()
    await slow
    expect(proxies.get('slow').isEnabled).toBe(true)
    proxies.stopAll()
  })

  test('its own changes come after it, in their order', async () => {
    const done: string[] = []
    const note = (what: string) => () => void done.push(what)
    const created = proxies.create(entry('slow', 'slow.test:0')).then(note('created'))
    const changed = proxies.update('slow', body({ enabled: false })).then(note('disabled'))
    const deleted = proxies.delete('slow').then(note('deleted'))
    await proxies.create(entry('other', '127.0.0.1:0'))
    expect(done).toEqual([])
    resolvers.shift()?.()
    await Promise.all([created, changed, deleted])
    expect(done).toEqual(['created', 'disabled', 'deleted'])
  })
})
