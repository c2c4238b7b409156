// One proxy: a listening address, an upstream, the toxics between, and the connections there are.
import { createServer, type Server, type Socket } from 'node:net'
import { randomStream } from '../random/seed.ts'
import type { Stream } from '../toxic.ts'
import { type Address, AddressError, formatAddress, isWildcard, resolveAddress } from './address.ts'
import { toxicExists, toxicNotFound, unusableAddress } from './api-error.ts'
import { Connection } from './connection.ts'
import { type Json, writeJson } from './json/json.ts'
import type { Link, LinkCount } from './link.ts'
import type { Log, LogLevel } from './log.ts'
import { changedToxic, readToxic, showToxic, type ToxicEntry, type ToxicRules } from './toxic-entry.ts'
import { valueProblems } from './value-problems.ts'

export interface ProxySettings {
  name: string
  listen: string
  upstream: string
}

/** What all proxies of a server share. */
export interface ProxyContext extends ToxicRules {
  /** Of every draw on every connection. */
  seed: number | bigint
  log: Log
  /** Told of every link that ended. */
  countLink(proxy: TcpProxy, stream: Stream, count: LinkCount): void
}

export class TcpProxy {
  readonly name: string
  /** As given while it has never listened, then the address it really listened on. */
  listen: string
  upstream: string
  /** How often it has begun to listen. */
  starts = 0
  readonly #toxics: ToxicEntry[] = []
  readonly #connections = new Set<Connection>()
  readonly #context: ProxyContext
  #accepted = 0
  #server: Server | undefined

  constructor({ name, listen, upstream }: ProxySettings, context: ProxyContext) {
    this.name = name
    this.listen = listen
    this.upstream = upstream
    this.#context = context
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
    this.starts++
    this.#log('info', 'Started proxy')
  }

  /** Stops listening and closes every connection; what is in flight is dropped, toxics are kept. */
  stop(): void {
    if (this.#server === undefined) return
    this.#server.close()
    this.#server = undefined
    this.#log('info', 'Terminated proxy')
    for (const connection of this.#connections) connection.drop()
  }

  /** Upstream toxics first, then downstream, each in order of addition. */
  toxics(): ToxicEntry[] {
    return byStream(this.#toxics)
  }

  toxic(name: string): ToxicEntry {
    const toxic = this.#toxics.find(entry => entry.name === name)
    if (toxic === undefined) throw toxicNotFound()
    return toxic
  }

  addToxic(body: Json): ToxicEntry {
    const isTaken = (name: string) => this.#toxics.some(entry => entry.name === name)
    const toxic = readToxic(body, this.#context, isTaken, toxicExists)
    this.#add(toxic)
    return toxic
  }

  updateToxic(name: string, body: Json): ToxicEntry {
    const toxic = this.toxic(name)
    const changed = changedToxic(toxic, body, this.#context)
    this.#warnOf(changed)
    Object.assign(toxic, changed)
    this.#onConnections(toxic, link => link.update(toxic))
    return toxic
  }

  removeToxic(name: string): void {
    const toxic = this.toxic(name)
    this.#toxics.splice(this.#toxics.indexOf(toxic), 1)
    this.#onConnections(toxic, link => link.remove(toxic))
  }

  removeAllToxics(): void {
    this.#toxics.length = 0
    for (const connection of this.#connections) connection.removeAllToxics()
  }

  /** Puts these in the place of all there are, and says which are new: none, when they are the same, and no connection notices. */
  replaceToxics(toxics: readonly ToxicEntry[]): readonly ToxicEntry[] {
    const shown = (entries: readonly ToxicEntry[]) => writeJson(byStream(entries).map(showToxic))
    if (shown(toxics) === shown(this.#toxics)) return []
    this.removeAllToxics()
    for (const toxic of toxics) this.#add(toxic)
    return toxics
  }

  /** What has passed its toxics and its open connections. */
  showCounters() {
    return {
      toxics: this.toxics().map(({ name, type, counts }) => ({ name, type, ...counts.show() })),
      connections: [...this.#connections].map(connection => connection.show()),
    }
  }

  #add(toxic: ToxicEntry): void {
    this.#warnOf(toxic)
    this.#toxics.push(toxic)
    this.#onConnections(toxic, link => link.add(toxic))
  }

  #warnOf(toxic: ToxicEntry): void {
    const problems = valueProblems(toxic)
    if (problems.length === 0) return
    this.#context.log(
      'warn',
      `proxy ${this.name}, toxic ${toxic.name}: ${problems.join('; ')}; it is kept, does no harm here, and counts as 0 where it is negative`,
    )
  }

  #onConnections({ stream }: ToxicEntry, act: (link: Link) => void): void {
    for (const connection of this.#connections) {
      const link = connection.link(stream)
      if (link !== undefined) act(link)
      connection.reconsider()
    }
  }

  #log(level: LogLevel, message: string, more: Record<string, unknown> = {}): void {
    const { name, listen, upstream } = this
    this.#context.log(level, message, { name, listen, upstream, ...more })
  }

  #accept(client: Socket): void {
    this.#accepted += 1
    const { seed, countLink } = this.#context
    // Named streams: what one connection, direction or toxic draws changes nothing for the others.
    const place = `${this.name}/${this.#accepted}`
    const connection = new Connection({
      number: this.#accepted,
      client,
      upstream: this.upstream,
      toxics: stream => ofStream(this.#toxics, stream),
      random: name => randomStream(seed, `${place}/${name}`),
      onLinkEnd: (stream, count) => countLink(this, stream, count),
      onUnreachable: ({ message }) => {
        const fields = { client: connection.clientAddress, err: message }
        this.#log('error', 'Unable to open connection to upstream', fields)
      },
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    this.#log('info', 'Accepted client', { client: connection.clientAddress })
  }
}

/** The proxy as the API shows it, fields in its order. */
export function showProxy(proxy: TcpProxy) {
  const { name, listen, upstream, isEnabled } = proxy
  // `Logger` is an accident of the real server's that has been in every answer since 2.5.
  return { name, listen, upstream, enabled: isEnabled, Logger: {}, toxics: proxy.toxics().map(showToxic) }
}

function byStream(toxics: readonly ToxicEntry[]): ToxicEntry[] {
  return [...ofStream(toxics, 'upstream'), ...ofStream(toxics, 'downstream')]
}

function ofStream(toxics: readonly ToxicEntry[], stream: Stream): ToxicEntry[] {
  return toxics.filter(toxic => toxic.stream === stream)
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
