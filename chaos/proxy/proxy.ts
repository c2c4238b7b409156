// One proxy: a listening address, an upstream, the toxics between, and the connections there are.
import { createServer, type Server, type Socket } from 'node:net'
import type { Stream } from '../toxic.ts'
import { type Address, AddressError, formatAddress, isWildcard, resolveAddress } from './address.ts'
import { toxicExists, toxicNotFound, unusableAddress } from './api-error.ts'
import { Connection } from './connection.ts'
import type { Json } from './json.ts'
import type { Link, LinkCount } from './link.ts'
import { changeToxic, readToxic, showToxic, type ToxicEntry } from './toxic-entry.ts'

export interface ProxySettings {
  name: string
  listen: string
  upstream: string
}

/** Told of every link that ended. */
export type CountLink = (proxy: TcpProxy, stream: Stream, count: LinkCount) => void

export class TcpProxy {
  readonly name: string
  /** As given while it has never listened, then the address it really listened on. */
  listen: string
  upstream: string
  readonly #toxics: ToxicEntry[] = []
  readonly #connections = new Set<Connection>()
  readonly #countLink: CountLink
  #server: Server | undefined

  constructor({ name, listen, upstream }: ProxySettings, countLink: CountLink) {
    this.name = name
    this.listen = listen
    this.upstream = upstream
    this.#countLink = countLink
  }

  get isEnabled(): boolean {
    return this.#server !== undefined
  }

  /**
   * Listens; nothing to do when it does already.
   * @throws ApiError 500 when the address cannot be listened on
   */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, client =>
      this.#accept(client),
    )
    this.listen = formatAddress(await listenOn(server, this.listen))
    server.on('error', () => {}) // a failed accept concerns nobody but its client
    this.#server = server
  }

  /** Stops listening and closes every connection; what is in flight is dropped, toxics are kept. */
  stop(): void {
    this.#server?.close()
    this.#server = undefined
    for (const connection of this.#connections) connection.drop()
  }

  /** Upstream toxics first, then downstream, each in order of addition. */
  toxics(): ToxicEntry[] {
    return [...this.#streamToxics('upstream'), ...this.#streamToxics('downstream')]
  }

  toxic(name: string): ToxicEntry {
    const toxic = this.#toxics.find(entry => entry.name === name)
    if (toxic === undefined) throw toxicNotFound()
    return toxic
  }

  addToxic(body: Json): ToxicEntry {
    const isTaken = (name: string) => this.#toxics.some(entry => entry.name === name)
    const toxic = readToxic(body, isTaken, toxicExists)
    this.#toxics.push(toxic)
    this.#onLinks(toxic.stream, link => link.add(toxic))
    return toxic
  }

  updateToxic(name: string, body: Json): ToxicEntry {
    const toxic = this.toxic(name)
    changeToxic(toxic, body)
    this.#onLinks(toxic.stream, link => link.update(toxic))
    return toxic
  }

  removeToxic(name: string): void {
    const toxic = this.toxic(name)
    this.#toxics.splice(this.#toxics.indexOf(toxic), 1)
    this.#onLinks(toxic.stream, link => link.remove(toxic))
  }

  removeAllToxics(): void {
    for (const { name } of this.toxics()) this.removeToxic(name)
  }

  #streamToxics(stream: Stream): ToxicEntry[] {
    return this.#toxics.filter(toxic => toxic.stream === stream)
  }

  #onLinks(stream: Stream, act: (link: Link) => void): void {
    for (const connection of this.#connections) {
      const link = connection.link(stream)
      if (link !== undefined) act(link)
    }
  }

  #accept(client: Socket): void {
    const connection = new Connection({
      client,
      upstream: this.upstream,
      toxics: stream => this.#streamToxics(stream),
      random: Math.random,
      onLinkEnd: (stream, count) => this.#countLink(this, stream, count),
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }
}

/** The proxy as the API shows it, fields in its order. */
export function showProxy(proxy: TcpProxy) {
  const { name, listen, upstream, isEnabled } = proxy
  // `Logger` is an accident of the real server's that has been in every answer since 2.5.
  return { name, listen, upstream, enabled: isEnabled, Logger: {}, toxics: proxy.toxics().map(showToxic) }
}

async function listenOn(server: Server, text: string): Promise<Address> {
  let asked: Address
  try {
    asked = await resolveAddress(text)
  } catch (error) {
    throw error instanceof AddressError ? unusableAddress(`listen tcp: ${error.message}`) : error
  }
  try {
    return await bind(server, isWildcard(asked.host) ? '::' : asked.host, asked.port)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    // A machine without IPv6 has only the other wildcard.
    if (code === 'EAFNOSUPPORT' && isWildcard(asked.host)) return await bind(server, '0.0.0.0', asked.port)
    throw unusableAddress(`listen tcp ${formatAddress(asked)}: bind: ${BIND_PROBLEMS[code] ?? code}`)
  }
}

const BIND_PROBLEMS: Record<string, string> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
}

function bind(server: Server, host: string, port: number): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      const bound = server.address() as { address: string; port: number }
      resolve({ host: bound.address, port: bound.port })
    })
  })
}
