// What of a client's header goes on to the upstream, and what the gateway says there of its client and of itself.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { type Field, fieldOf } from './forwarded-fields.ts'
import { namedInConnection } from './headers.ts'
import { isHost, publicOrigin } from './public-origin.ts'
import { plainAddress, type Trust } from './trusted-proxies.ts'

export interface ForwardingOptions {
  /** Name of this gateway in Via; empty draws one. */
  viaName: string
  /** Adds Forwarded (RFC 7239) to X-Forwarded-*. */
  tellsForwarded: boolean
}

/** How requests are handed on. */
export interface Forwarding {
  /** What it adds to Via: a name of its own, or a loop could not be told from another gateway in front of this one. */
  readonly via: string
  /** Has a request with this Via been here before? */
  isLoop(via: string | undefined): boolean
  /** A request as the upstream gets it. */
  receive(request: IncomingMessage): Received
}

/** What goes on of a request. */
export interface Received {
  /** Flat, end to end, names in lower case. */
  headers: string[]
  /** Scheme and authority that the client asked, and what else of the place a trusted proxy tells the upstream. */
  origin: string
}

/** What upstreams put into their answers of what a proxy tells them, beside host and proto. */
const OF_THE_PLACE = [
  ...['x-forwarded-port', 'x-forwarded-prefix', 'x-forwarded-path', 'x-forwarded-uri', 'x-forwarded-url'],
  ...['x-forwarded-scheme', 'x-forwarded-protocol', 'x-forwarded-ssl'],
]
/** The same in Forwarded, whichever element it stands in. */
const FORWARDED_PLACE = /(?:host|proto)=(?:"(?:[^"\\]|\\.)*"|[^;,]*)/gi

const PROTO = /^https?$/i

export function createForwarding(options: ForwardingOptions, trusts: Trust): Forwarding {
  const viaName = options.viaName || `leeward-${randomBytes(4).toString('hex')}`
  const own = new RegExp(
    `(?:^|,)[ \\t]*[^ \\t,]+[ \\t]+${viaName.replaceAll('.', '\\.')}[ \\t]*(?:$|[,(])`,
    'i',
  )
  const ownVia = [`1.0 ${viaName}`, `1.1 ${viaName}`]
  return {
    via: ownVia[1]!,
    isLoop: via => via !== undefined && own.test(via),
    receive(request) {
      const { remoteAddress } = request.socket
      const isTrusted = trusts(remoteAddress)
      const headers = copiedFields(request, isTrusted, options.tellsForwarded)
      const client: Client = { peer: plainAddress(remoteAddress), headers: request.headers }
      const origin = isTrusted
        ? addTrusted(headers, client, options.tellsForwarded)
        : addClient(headers, client, options.tellsForwarded)
      const { via } = request.headers
      const here = ownVia[request.httpVersionMinor]!
      headers.push('via', via === undefined ? here : `${via}, ${here}`)
      return { headers, origin }
    },
  }
}

/** The fields that go on, each line for itself, as it came. */
function copiedFields(request: IncomingMessage, isTrusted: boolean, tellsForwarded: boolean): string[] {
  const { headers, method } = request
  const named = namedInConnection(headers.connection)
  const copied: string[] = []
  const copy = ({ name, fate }: Field, value: string) => {
    if (fate === 'dropped' || named?.has(name)) return
    if (fate === 'claim' && (!isTrusted || (tellsForwarded && name === 'forwarded'))) return
    if (fate === 'method' && method !== 'POST') return
    copied.push(name, value)
  }
  eachLine(request, copy)
  const hopsLeft = headers['max-forwards'] as string | undefined
  if (hopsLeft !== undefined)
    copied.push('max-forwards', method === 'OPTIONS' ? oneFewer(hopsLeft) : hopsLeft)
  return copied
}

/** Node has joined the lines of one name. Where there is one of each, its names are known, and need not be read again. */
function eachLine(
  { headers, rawHeaders }: IncomingMessage,
  take: (field: Field, value: string) => void,
): void {
  const names = Object.keys(headers)
  if (2 * names.length === rawHeaders.length && headers['set-cookie'] === undefined)
    for (const name of names) take(fieldOf(name), headers[name] as string)
  else
    for (let index = 0; index < rawHeaders.length; index += 2)
      take(fieldOf(rawHeaders[index]!), rawHeaders[index + 1]!)
}

/** Who asks, and how. */
interface Client {
  /** The address at the other end of the connection. */
  readonly peer: string
  readonly headers: IncomingMessage['headers']
}

/**
 * What anybody said of itself is replaced.
 * @returns the origin that the upstream is told
 */
function addClient(
  fields: string[],
  { peer, headers: { host = '' } }: Client,
  tellsForwarded: boolean,
): string {
  fields.push('x-forwarded-for', peer, 'x-forwarded-proto', 'http')
  if (host !== '') fields.push('x-forwarded-host', host)
  if (tellsForwarded) fields.push('forwarded', forwardedElement(peer, host))
  return publicOrigin('http', host)
}

/**
 * What a trusted proxy said is kept and added to, where it is what it should be.
 * @returns the origin that the upstream is told, with whatever else of the place it is told
 */
function addTrusted(fields: string[], { peer, headers }: Client, tellsForwarded: boolean): string {
  const told = (name: string) => headers[name] as string | undefined
  const addTo = (list: string | undefined, member: string) =>
    list === undefined ? member : `${list}, ${member}`
  const toldProto = told('x-forwarded-proto')
  const proto = toldProto !== undefined && PROTO.test(toldProto) ? toldProto.toLowerCase() : 'http'
  const toldHost = told('x-forwarded-host') ?? ''
  const host = toldHost !== '' && isHost(toldHost) ? toldHost : (headers.host ?? '')
  fields.push('x-forwarded-for', addTo(told('x-forwarded-for'), peer), 'x-forwarded-proto', proto)
  if (host !== '') fields.push('x-forwarded-host', host)
  if (tellsForwarded) fields.push('forwarded', addTo(told('forwarded'), forwardedElement(peer, headers.host)))
  return publicOrigin(proto, host) + placeTold(headers, tellsForwarded ? host : headers.host)
}

/** Without a slash in it: in a key the path begins with the first. */
function placeTold(headers: IncomingMessage['headers'], host: string | undefined): string {
  let told = ''
  for (const name of OF_THE_PLACE) {
    const value = headers[name] as string | undefined
    if (value !== undefined) told += `;${name}=${encodeURIComponent(value)}`
  }
  const { forwarded } = headers as { forwarded?: string }
  if (forwarded !== undefined)
    told += `;forwarded=${encodeURIComponent(String(forwarded.match(FORWARDED_PLACE)))}`
  // Forwarded has the Host as it came, whatever X-Forwarded-Host says.
  return headers.host === host ? told : `${told};host=${encodeURIComponent(headers.host ?? '')}`
}

/** RFC 7239, section 4; an IPv6 address needs brackets, and with them quotes. */
function forwardedElement(peer: string, host: string | undefined): string {
  const node = isIP(peer) === 6 ? `"[${peer}]"` : peer
  return `for=${node};${host ? `host="${host}";` : ''}proto=http`
}

function oneFewer(count: string): string {
  return /^[1-9]\d*$/.test(count) ? String(Number(count) - 1) : count
}
