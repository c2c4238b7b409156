// What a Toxiproxy must answer, and be afterwards: the smallest thing that knows, to hold the real one against.
import { TOXIC_KINDS } from '../../chaos/proxy/toxics/index.ts'

export interface ToxicFields {
  name?: string
  type: string
  stream?: string
  toxicity?: number
  attributes: Record<string, number>
}

export interface ProxyFields {
  name?: string | undefined
  listen?: string | undefined
  upstream?: string | undefined
  enabled?: boolean | undefined
}

type Toxic = Required<ToxicFields>
interface Proxy {
  name: string
  listen: string
  upstream: string
  enabled: boolean
  toxics: Toxic[]
}

/** Every method changes the model and returns the status of the answer. Listens are of 127.0.0.1 or localhost, never of port 0. */
export interface ApiModel {
  create(fields: ProxyFields): number
  update(name: string, fields: ProxyFields): number
  delete(name: string): number
  populate(entries: ProxyFields[]): number
  reset(): number
  addToxic(proxy: string, fields: ToxicFields): number
  updateToxic(proxy: string, name: string, fields: Pick<ToxicFields, 'attributes' | 'toxicity'>): number
  removeToxic(proxy: string, name: string): number
  /** What GET /proxies answers. */
  listing(): Record<string, unknown>
  /** Takes over what GET /proxies answered, after calls whose order nobody knows. */
  adopt(listing: Record<string, Proxy>): void
}

export function createApiModel(): ApiModel {
  const proxies = new Map<string, Proxy>()

  const inByteOrder = () =>
    [...proxies.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))

  function starts(proxy: Proxy): boolean {
    if (proxy.enabled) return true
    const listen = resolved(proxy.listen)
    const isTaken = [...proxies.values()].some(other => other.enabled && other.listen === listen)
    if (listen === undefined || isTaken) return false
    Object.assign(proxy, { listen, enabled: true })
    return true
  }

  function store(fields: ProxyFields): boolean {
    const { name = '', listen = '', upstream = '', enabled = true } = fields
    const proxy: Proxy = { name, listen, upstream, enabled: false, toxics: [] }
    if (enabled && !starts(proxy)) return false
    proxies.set(name, proxy)
    return true
  }

  function createOrReplace(fields: ProxyFields): boolean {
    const existing = proxies.get(fields.name ?? '')
    if (existing === undefined) return store(fields)
    const listen = resolved(fields.listen ?? '')
    if (listen === undefined) return false
    if (listen === existing.listen && fields.upstream === existing.upstream) return true
    existing.enabled = false
    return store(fields)
  }

  return {
    create(fields) {
      if (!fields.name || !fields.upstream) return 400
      if (proxies.has(fields.name)) return 409
      return store(fields) ? 201 : 500
    },

    update(name, { listen, upstream, enabled }) {
      const proxy = proxies.get(name)
      if (proxy === undefined) return 404
      if (listen !== undefined && resolved(listen) === undefined) return 500
      const wanted = enabled ?? proxy.enabled
      const moves = listen !== undefined && resolved(listen) !== proxy.listen
      if (moves || (upstream !== undefined && upstream !== proxy.upstream)) {
        proxy.enabled = false
        proxy.listen = listen ?? proxy.listen
        proxy.upstream = upstream ?? proxy.upstream
      }
      if (wanted) return starts(proxy) ? 200 : 500
      proxy.enabled = false
      return 200
    },

    delete: name => (proxies.delete(name) ? 204 : 404),

    populate(entries) {
      if (entries.some(({ name, upstream }) => !name || !upstream)) return 400
      return entries.every(createOrReplace) ? 201 : 500
    },

    reset() {
      for (const proxy of inByteOrder()) {
        if (!starts(proxy)) return 500
        proxy.toxics = []
      }
      return 204
    },

    addToxic(proxyName, { type, attributes, stream = 'downstream', toxicity = 1, ...given }) {
      const proxy = proxies.get(proxyName)
      if (proxy === undefined) return 404
      const kind = TOXIC_KINDS.get(type)
      if (!/^(up|down)stream$/i.test(stream) || kind === undefined) return 400
      const name = given.name || `${type}_${stream}`
      if (proxy.toxics.some(toxic => toxic.name === name)) return 409
      const all = Object.keys(kind.attributes).map(key => [key, attributes[key] ?? 0])
      proxy.toxics.push({ attributes: Object.fromEntries(all), name, type, stream, toxicity })
      return 200
    },

    updateToxic(proxyName, name, { attributes, toxicity }) {
      const toxic = proxies.get(proxyName)?.toxics.find(entry => entry.name === name)
      if (toxic === undefined) return 404
      toxic.toxicity = toxicity ?? toxic.toxicity
      for (const key of Object.keys(toxic.attributes)) {
        toxic.attributes[key] = attributes[key] ?? toxic.attributes[key]!
      }
      return 200
    },

    removeToxic(proxyName, name) {
      const proxy = proxies.get(proxyName)
      const index = proxy?.toxics.findIndex(toxic => toxic.name === name) ?? -1
      if (index === -1) return 404
      proxy?.toxics.splice(index, 1)
      return 204
    },

    listing: () => Object.fromEntries(inByteOrder().map(proxy => [proxy.name, shown(proxy)])),

    adopt(listing) {
      proxies.clear()
      for (const { name, listen, upstream, enabled, toxics } of Object.values(listing)) {
        proxies.set(name, { name, listen, upstream, enabled, toxics })
      }
    },
  }
}

/** The address that a text stands for; undefined when for none. */
function resolved(listen: string): string | undefined {
  return /^(?:localhost|127\.0\.0\.1):\d+$/.test(listen)
    ? listen.replace('localhost', '127.0.0.1')
    : undefined
}

function shown({ toxics, ...proxy }: Proxy) {
  const isOf = (stream: string) => (toxic: Toxic) => toxic.stream.toLowerCase() === stream
  return {
    ...proxy,
    Logger: {},
    toxics: [...toxics.filter(isOf('upstream')), ...toxics.filter(isOf('downstream'))],
  }
}
