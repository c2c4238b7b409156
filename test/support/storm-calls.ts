// Random calls of the API, with what the model has to say to each. What is drawn is small and symbolic, so that a
// counter-example can be read; addresses are put in when it runs.
import fc from 'fast-check'
import type { ApiModel, ProxyFields, ToxicFields } from './api-model.ts'

/** A call, and how it reads in a counter-example. */
export interface StormCall {
  text: string
  method: string
  path: string
  body?: unknown
  /** Does to the model what the call does, and tells the status. */
  expected(model: ApiModel): number
}

/** What `alive` and the places `127.0.0.1:0` to `:2` stand for. */
export interface Places {
  alive(): string
  port(index: number): number
}

const NAMES = ['areas', 'Ünï cödé %2B?', '__proto__', '..;a=b']
const TOXIC_NAMES = ['one', 'two', 'drei #3']

export const anyProxyName = fc.constantFrom(...NAMES)
export const at = (...names: string[]) => ['/proxies', ...names.map(encodeURIComponent)].join('/')
const atToxic = (proxy: string, toxic: string) => `${at(proxy)}/toxics/${encodeURIComponent(toxic)}`

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 })
const weighted = <T>(...arbitraries: [number, fc.Arbitrary<T>][]) =>
  fc.oneof(...arbitraries.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const anyListen = fc.constantFrom(
  '127.0.0.1:0',
  '127.0.0.1:0',
  '127.0.0.1:1',
  '127.0.0.1:2',
  'localhost:1',
  'nowhere',
)
const anyUpstream = fc.constantFrom('alive', 'alive', 'alive', 'alive', '127.0.0.1:9', 'nowhere', '')
const enabled = maybe(fc.boolean())
const proxyFields = fc.record({ name: anyProxyName, listen: anyListen, upstream: anyUpstream, enabled })
const changes = fc.record({ listen: maybe(anyListen), upstream: maybe(anyUpstream), enabled })

const small = fc.integer({ min: -2, max: 20 })
const attributes = fc.record({
  latency: small,
  jitter: small,
  rate: fc.constantFrom(-1, 0, 100, 10_000, 1_000_000),
  delay: small,
  timeout: small,
  average_size: fc.constantFrom(-1, 0, 50, 1_000, 100_000),
  size_variation: fc.constantFrom(-5, 0, 40, 5_000),
  bytes: fc.constantFrom(-1, 0, 1, 10_000, 1_000_000, 10_000_000),
})
const name = fc.constantFrom(...TOXIC_NAMES, '')
const stream = fc.constantFrom('upstream', 'downstream', 'DownStream')
const toxicity = fc.constantFrom(1, 1, 1, 0.5, 0, -3, 80)
const passing = fc.constantFrom('latency', 'bandwidth', 'slow_close', 'slicer', 'noop')
const closing = fc.constantFrom('limit_data', 'reset_peer')
const anyToxic: fc.Arbitrary<ToxicFields> = weighted<ToxicFields>(
  [12, fc.record({ name, type: passing, stream, toxicity, attributes })],
  [2, fc.record({ name, type: closing, stream, toxicity, attributes })],
  // It swallows: were it to lose a later draw, the stream would go on with a hole in it.
  [1, fc.record({ type: fc.constant('timeout'), attributes })],
  [1, fc.record({ type: fc.constantFrom('Latency', ''), attributes })],
  [1, fc.record({ type: passing, stream: fc.constantFrom('sideways', ''), attributes })],
)
const anyToxicName = fc.constantFrom(...TOXIC_NAMES, ...TOXIC_NAMES, 'timeout_downstream', 'slicer_upstream')

/** Calls about the toxics of these proxies. */
export function toxicCalls(proxies: fc.Arbitrary<string>): fc.Arbitrary<StormCall> {
  const add = fc.tuple(proxies, anyToxic).map(([proxy, body]) => ({
    text: `add ${JSON.stringify(body)} to ${proxy}`,
    method: 'POST',
    path: `${at(proxy)}/toxics`,
    body,
    expected: (model: ApiModel) => model.addToxic(proxy, body),
  }))
  const update = fc
    .tuple(proxies, fc.constantFrom(...TOXIC_NAMES), fc.record({ attributes, toxicity }))
    .map(([proxy, toxic, body]) => ({
      text: `update ${toxic} of ${proxy}: ${JSON.stringify(body)}`,
      method: 'PATCH',
      path: atToxic(proxy, toxic),
      body,
      expected: (model: ApiModel) => model.updateToxic(proxy, toxic, body),
    }))
  const remove = fc.tuple(proxies, anyToxicName).map(([proxy, toxic]) => ({
    text: `remove ${toxic} of ${proxy}`,
    method: 'DELETE',
    path: atToxic(proxy, toxic),
    expected: (model: ApiModel) => model.removeToxic(proxy, toxic),
  }))
  return weighted<StormCall>([4, add], [2, update], [2, remove])
}

/** Calls about proxies, of all that there are. */
export function proxyCalls(places: Places): fc.Arbitrary<StormCall> {
  const real = (fields: ProxyFields): ProxyFields => {
    const listen = fields.listen?.replace(/:(\d)$/, (_match, index) => `:${places.port(Number(index))}`)
    return { ...fields, listen, upstream: fields.upstream === 'alive' ? places.alive() : fields.upstream }
  }
  const create = proxyFields.map(fields => ({
    text: `create ${JSON.stringify(fields)}`,
    method: 'POST',
    path: '/proxies',
    get body() {
      return real(fields)
    },
    expected: (model: ApiModel) => model.create(real(fields)),
  }))
  const update = fc
    .tuple(anyProxyName, changes, fc.constantFrom('POST', 'PATCH'))
    .map(([proxy, fields, method]) => ({
      text: `update ${proxy}: ${JSON.stringify(fields)}`,
      method,
      path: at(proxy),
      get body() {
        return real(fields)
      },
      expected: (model: ApiModel) => model.update(proxy, real(fields)),
    }))
  const remove = anyProxyName.map(proxy => ({
    text: `delete ${proxy}`,
    method: 'DELETE',
    path: at(proxy),
    expected: (model: ApiModel) => model.delete(proxy),
  }))
  const populate = fc.array(proxyFields, { maxLength: 4 }).map(entries => ({
    text: `populate ${JSON.stringify(entries)}`,
    method: 'POST',
    path: '/populate',
    get body() {
      return entries.map(real)
    },
    expected: (model: ApiModel) => model.populate(entries.map(real)),
  }))
  const reset = fc.constant({
    text: 'reset',
    method: 'POST',
    path: '/reset',
    expected: (model: ApiModel) => model.reset(),
  })
  return weighted<StormCall>([6, create], [4, update], [1, remove], [2, populate], [1, reset])
}
