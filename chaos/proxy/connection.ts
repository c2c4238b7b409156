// One client of a proxy, and the connection to the upstream made for it.
//
//   client ──▶ upstream link   ──▶ server
//   client ◀── downstream link ◀── server
import { connect, Socket } from 'node:net'
import type { Random } from '../random/seed.ts'
import type { Stream } from '../toxic.ts'
import { parseAddress } from './address.ts'
import { Link, type LinkCount } from './link.ts'
import { resetSocket } from './reset-socket.ts'
import type { StageToxic } from './stage.ts'

export interface ConnectionOptions {
  client: Socket
  upstream: string
  /** The toxics there are when the server has been reached. */
  toxics(stream: Stream): readonly StageToxic[]
  /** The connection's own stream of chance of that name. */
  random(name: string): Random
  onLinkEnd(stream: Stream, count: LinkCount): void
  onClosed(): void
}

/** Dials the upstream at once, before any byte of the client's; when that fails the client gets a FIN. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #client: Socket
  readonly #server: Socket
  readonly #links = new Map<Stream, Link>()

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#client = options.client
    this.#server = dial(options.upstream)
    let open = 2
    for (const socket of [this.#client, this.#server]) {
      socket.on('error', () => {}) // 'close' follows, and says all there is to say
      socket.once('close', () => {
        open -= 1
        if (open === 0) options.onClosed()
      })
    }
    const hangUp = () => {
      this.#client.resume() // data left unread would turn the FIN into an RST
      this.#client.destroySoon()
    }
    this.#server.once('close', hangUp)
    this.#server.once('connect', () => {
      this.#server.off('close', hangUp)
      this.#startLinks()
    })
  }

  link(stream: Stream): Link | undefined {
    return this.#links.get(stream)
  }

  /** Closes both sides now; what is in flight is dropped. */
  drop(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #startLinks(): void {
    const { toxics, random, onLinkEnd } = this.#options
    const start = (stream: Stream, source: Socket, destination: Socket) => {
      const link = new Link({
        source,
        destination,
        toxics: toxics(stream),
        random: name => random(`${stream}/${name}`),
        reset: () => this.#reset(),
        onEnd: count => onLinkEnd(stream, count),
      })
      this.#links.set(stream, link)
    }
    start('upstream', this.#client, this.#server)
    start('downstream', this.#server, this.#client)
  }

  #reset(): void {
    resetSocket(this.#client)
    resetSocket(this.#server)
  }
}

function dial(upstream: string): Socket {
  const options = { noDelay: true, allowHalfOpen: true }
  try {
    const { host, port } = parseAddress(upstream)
    return connect({ ...options, host: host || 'localhost', port })
  } catch (error) {
    // Nobody looked at the address until now; it fails like any dial.
    return new Socket().destroy(error as Error)
  }
}
