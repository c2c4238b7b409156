// One client of a proxy, and the connection to the upstream made for it.
//
//   client ──▶ upstream link   ──▶ server
//   client ◀── downstream link ◀── server
import { Socket } from 'node:net'
import type { Random } from '../random/seed.ts'
import type { Stream } from '../toxic.ts'
import { formatAddress, parseAddress } from './address.ts'
import { usable } from './attributes.ts'
import { Link, type LinkCount, type LinkOwner, type LiveLinkCount } from './link.ts'
import { resetSocket } from './reset-socket.ts'
import { reusedBuffer } from './reused-buffer.ts'
import { type StageToxic, toxicityDraw } from './stage.ts'
import { WaitingClient } from './waiting-client.ts'

const STREAMS: readonly Stream[] = ['upstream', 'downstream']
const NOTHING: LiveLinkCount = { received: 0, sent: 0, waiting: 0 }

export interface ConnectionOptions {
  /** In the proxy's order of acceptance, from 1. */
  number: number
  client: Socket
  upstream: string
  /** The toxics there are at the moment. */
  toxics(stream: Stream): readonly StageToxic[]
  /** The connection's own stream of chance of that name. */
  random(name: string): Random
  onLinkEnd(stream: Stream, count: LinkCount): void
  /** The upstream could not be dialled. */
  onUnreachable(error: Error): void
  onClosed(): void
}

/** Dials the upstream before any byte of the client's, at once unless a toxic delays it; when that fails the client gets a FIN. */
export class Connection implements LinkOwner {
  readonly #options: ConnectionOptions
  readonly #client: Socket
  readonly clientAddress: string
  readonly #server = new Socket({
    allowHalfOpen: true,
    noDelay: true,
    onread: reusedBuffer(data => this.#links.get('downstream')?.feed(data) ?? false),
  })
  readonly openedAt = performance.now()
  readonly #links = new Map<Stream, Link>()
  #waiting: WaitingClient | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#client = options.client
    this.clientAddress = addressOf(options.client)
    let open = 2
    for (const socket of [this.#client, this.#server]) {
      socket.on('error', () => {}) // 'close' follows, and says all there is to say
      socket.on('close', () => {
        open -= 1
        if (open === 0) options.onClosed()
      })
    }
    this.#server.once('error', error => {
      if (this.#links.size === 0) options.onUnreachable(error)
    })
    const hangUp = () => {
      this.#client.resume() // data left unread would turn the FIN into an RST
      this.#client.destroySoon()
    }
    this.#server.on('close', hangUp)
    this.#server.on('connect', () => {
      this.#server.off('close', hangUp)
      this.#startLinks()
    })
    if (this.#dialDelayMs() > 0) this.#wait()
    else this.#dial()
  }

  link(stream: Stream): Link | undefined {
    return this.#links.get(stream)
  }

  /** A toxic was added, changed or removed: a client that waits may wait for another time. */
  reconsider(): void {
    this.#waiting?.reconsider()
  }

  removeAllToxics(): void {
    for (const link of this.#links.values()) link.removeAll()
    this.reconsider()
  }

  /** Closes both sides now; what is in flight is dropped. */
  drop(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  /** As the counters show it. */
  show() {
    const counts = STREAMS.map(stream => [stream, this.#links.get(stream)?.live() ?? NOTHING] as const)
    const acting = this.#links.size === 0 ? this.#delaying().map(({ name }) => name) : this.#acting()
    return {
      number: this.#options.number,
      client: this.clientAddress,
      age_ms: Math.floor(performance.now() - this.openedAt),
      ...Object.fromEntries(counts),
      toxics: acting,
    }
  }

  #acting(): string[] {
    return [...this.#links.values()].flatMap(link => link.acting())
  }

  /** Those that keep the client waiting: the same draw will be the first of their stages. */
  #delaying(): StageToxic[] {
    const { toxics, random } = this.#options
    return STREAMS.flatMap(stream =>
      toxics(stream).filter(
        ({ kind, name, toxicity }) =>
          kind.dialDelayMs !== undefined && random(`${stream}/${toxicityDraw(name)}`)() < toxicity,
      ),
    )
  }

  #dialDelayMs(): number {
    const delays = this.#delaying().map(({ kind, attributes }) => kind.dialDelayMs?.(usable(attributes)) ?? 0)
    return delays.reduce((sum, ms) => sum + ms, 0)
  }

  #wait(): void {
    this.#waiting = new WaitingClient({
      client: this.#client,
      dueAt: () => this.openedAt + this.#dialDelayMs(),
      onDue: () => this.#dial(),
      onLeft: () => this.#server.destroy(),
    })
    this.#waiting.reconsider()
  }

  #dial(): void {
    if (this.#server.destroyed) return
    try {
      const { host, port } = parseAddress(this.#options.upstream)
      this.#server.connect({ host: host || 'localhost', port })
    } catch (error) {
      // Nobody looked at the address until now; it fails like any dial.
      this.#server.destroy(error as Error)
    }
  }

  #startLinks(): void {
    const { toxics } = this.#options
    const start = (stream: Stream, source: Socket, destination: Socket) => {
      const link = new Link({ owner: this, stream, source, destination, toxics: toxics(stream) })
      this.#links.set(stream, link)
    }
    start('upstream', this.#client, this.#server)
    start('downstream', this.#server, this.#client)
  }

  // For its links.

  random(name: string): Random {
    return this.#options.random(name)
  }

  linkEnded(stream: Stream, count: LinkCount): void {
    this.#options.onLinkEnd(stream, count)
  }

  hangUp(): void {
    this.#client.destroySoon()
    this.#server.destroySoon()
  }

  reset(): void {
    resetSocket(this.#client)
    resetSocket(this.#server)
  }
}

function addressOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  // A socket of both families writes IPv4 as if it were IPv6.
  return formatAddress({ host: remoteAddress.replace(/^::ffff:/, ''), port: remotePort })
}
