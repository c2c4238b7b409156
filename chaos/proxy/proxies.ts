// All proxies of a server, and what the API can do to them as a whole.
import { AddressError, formatAddress, resolveAddress } from './address.ts'
import { badBody, missingField, proxyExists, proxyNotFound, unusableAddress } from './api-error.ts'
import { type Fields, fieldsOf, type Json, kindOf } from './json/json.ts'
import { readPopulatedToxics } from './populated-toxics.ts'
import { type ProxyContext, type ProxySettings, TcpProxy } from './proxy.ts'
import type { ToxicEntry } from './toxic-entry.ts'

interface ProxyBody {
  name: string | undefined
  listen: string | undefined
  upstream: string | undefined
  enabled: boolean | undefined
}

/** What populate did; with an error, what it had done before it. */
export interface Populated {
  proxies: TcpProxy[]
  error?: unknown
}

/** Told what a call brought about, as soon as it has. */
export interface Holder {
  created(proxy: TcpProxy): void
  /** `enabled` may be another than it was. */
  switched(proxy: TcpProxy, wasEnabled: boolean): void
  added(proxy: TcpProxy, toxic: ToxicEntry): void
}

/** What is wanted of a proxy beside its settings. */
interface Wishes {
  enabled: boolean
  /** In the place of those it has; undefined leaves them. */
  toxics?: ToxicEntry[] | undefined
  holder: Holder | undefined
}

/** Changes of one proxy come one after the other, so that a name that is slow to resolve holds up no other; reading never waits. */
export class Proxies {
  readonly #byName = new Map<string, TcpProxy>()
  readonly #context: ProxyContext
  /** By name, the last of the changes that are under way. */
  readonly #lastChanges = new Map<string, Promise<unknown>>()

  constructor(context: ProxyContext) {
    this.#context = context
  }

  /** In byte order of their names. */
  all(): TcpProxy[] {
    return [...this.#byName.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  }

  get(name: string): TcpProxy {
    const proxy = this.#byName.get(name)
    if (proxy === undefined) throw proxyNotFound()
    return proxy
  }

  /** Whether this very proxy is there, and not another of its name. */
  has(proxy: TcpProxy): boolean {
    return this.#byName.get(proxy.name) === proxy
  }

  async create(body: Json, holder?: Holder): Promise<TcpProxy> {
    const given = readProxy(fieldsOf(body, 'value of type toxiproxy.Proxy'), 'Proxy')
    const settings = complete(given, '')
    return await this.inTurn(settings.name, async () => {
      if (this.#byName.has(settings.name)) throw proxyExists()
      return await this.#createNew(settings, { enabled: given.enabled ?? true, holder })
    })
  }

  update(name: string, body: Json, holder?: Holder): Promise<TcpProxy> {
    return this.inTurn(name, async () => {
      const proxy = this.get(name)
      const wasEnabled = proxy.isEnabled
      const given = readProxy(fieldsOf(body, 'value of type toxiproxy.Proxy'), 'Proxy')
      const enabled = given.enabled ?? wasEnabled
      if (await differs(proxy, given)) {
        proxy.stop()
        proxy.listen = given.listen ?? proxy.listen
        proxy.upstream = given.upstream ?? proxy.upstream
      }
      try {
        if (enabled) await proxy.start()
        else proxy.stop()
      } finally {
        holder?.switched(proxy, wasEnabled)
      }
      return proxy
    })
  }

  delete(name: string): Promise<void> {
    return this.inTurn(name, async () => this.remove(this.get(name)))
  }

  /** Deletes it at once; only for who has the turn. */
  remove(proxy: TcpProxy): void {
    proxy.stop()
    this.#byName.delete(proxy.name)
  }

  /**
   * Creates what is not there, replaces what differs, leaves the rest alone; stops at the first that cannot listen.
   * With the extensions, an entry that names `toxics` has these and no others afterwards, even where it is left alone.
   * @throws ApiError 400, before anything is done
   */
  async populate(body: Json, holder?: Holder): Promise<Populated> {
    const bodies = readEntries(body)
    const entries = bodies.map(fields => readProxy(fields, ''))
    const wanted = entries.map((entry, index) => complete(entry, ` at proxy ${index + 1}`))
    const { hasExtensions, log } = this.#context
    const toxics = hasExtensions ? readPopulatedToxics(bodies, this.#context) : []
    if (!hasExtensions && bodies.some(fields => fields.any('toxics') !== undefined)) {
      log('warn', 'The toxics of the entries are ignored, as by the real server; -extensions takes them')
    }
    const proxies: TcpProxy[] = []
    for (const [index, settings] of wanted.entries()) {
      try {
        const enabled = entries[index]?.enabled ?? true
        const wishes = { enabled, toxics: toxics[index], holder }
        proxies.push(await this.inTurn(settings.name, () => this.#createOrReplace(settings, wishes)))
      } catch (error) {
        return { proxies, error }
      }
    }
    return { proxies }
  }

  /** Starts every proxy and removes every toxic; stops at the first that cannot listen. */
  async reset(): Promise<void> {
    for (const { name } of this.all()) {
      await this.inTurn(name, async () => {
        const proxy = this.#byName.get(name)
        await proxy?.start()
        proxy?.removeAllToxics()
      })
    }
  }

  stopAll(): void {
    for (const proxy of this.#byName.values()) proxy.stop()
  }

  async #createOrReplace(settings: ProxySettings, wishes: Wishes): Promise<TcpProxy> {
    const existing = this.#byName.get(settings.name)
    const { toxics, holder } = wishes
    if (existing !== undefined) {
      if (!(await differs(existing, settings))) {
        const added = toxics === undefined ? [] : existing.replaceToxics(toxics)
        for (const toxic of added) holder?.added(existing, toxic)
        return existing
      }
      const wasEnabled = existing.isEnabled
      existing.stop()
      holder?.switched(existing, wasEnabled) // and so it stays, when the new one cannot listen
    }
    return await this.#createNew(settings, wishes)
  }

  /** When it cannot listen, nothing is stored. */
  async #createNew(settings: ProxySettings, { enabled, toxics = [], holder }: Wishes): Promise<TcpProxy> {
    const proxy = new TcpProxy(settings, this.#context)
    proxy.replaceToxics(toxics)
    if (enabled) await proxy.start()
    this.#byName.set(proxy.name, proxy)
    holder?.created(proxy)
    return proxy
  }

  /** Makes a change of the proxy of that name when those before it are done. */
  inTurn<T>(name: string, change: () => Promise<T>): Promise<T> {
    const done = (this.#lastChanges.get(name) ?? Promise.resolve()).then(change)
    const settled = done
      .catch(() => {})
      .then(() => {
        if (this.#lastChanges.get(name) === settled) this.#lastChanges.delete(name)
      })
    this.#lastChanges.set(name, settled)
    return done
  }
}

/** `owner` is what the real server calls the proxy when a field of it has the wrong type. */
function readProxy(fields: Fields, owner: string): ProxyBody {
  return {
    name: fields.string('name', `${owner}.name`),
    listen: fields.string('listen', `${owner}.listen`),
    upstream: fields.string('upstream', `${owner}.upstream`),
    enabled: fields.boolean('enabled', `${owner}.enabled`),
  }
}

/** Entries have a type without a name over there. */
function readEntries(body: Json): Fields[] {
  if (body === null) return []
  const type = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
  if (!Array.isArray(body)) {
    throw badBody(`json: cannot unmarshal ${kindOf(body)} into Go value of type []${type}`)
  }
  return body.map(entry => fieldsOf(entry, `value of type ${type}`))
}

function complete({ name, listen, upstream }: ProxyBody, place: string): ProxySettings {
  if (!name) throw missingField(`name${place}`)
  if (!upstream) throw missingField(`upstream${place}`)
  return { name, listen: listen ?? '', upstream }
}

/** Whether the proxy would have to listen or connect elsewhere; a name and its address are the same. */
async function differs(
  proxy: TcpProxy,
  { listen, upstream }: Pick<ProxyBody, 'listen' | 'upstream'>,
): Promise<boolean> {
  try {
    const resolved = listen === undefined ? proxy.listen : formatAddress(await resolveAddress(listen))
    return resolved !== proxy.listen || (upstream !== undefined && upstream !== proxy.upstream)
  } catch (error) {
    throw error instanceof AddressError ? unusableAddress(error.message) : error
  }
}
