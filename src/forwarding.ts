// What of a client's header goes on to the upstream, and what the gateway says there of its client and of itself.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HOP_BY_HOP, namedInConnection } from './headers.ts'
import { plainAddress, type Trust } from './trusted-proxies.ts'

export interface ForwardingOptions {
  /** Name of this gateway in Via; empty draws one. */
  viaName: string
  /** Adds Forwarded (RFC 7239) to X-Forwarded-*. */
  tellsForwarded: boolean
}

/** How requests are handed on. */
export interface Forwarding {
  /** This gateway's name in Via: its own, or a loop could not be told from another gateway in front of this one. */
  readonly viaName: string
  /** Has a request with this Via been here before? */
  isLoop(via: string | undefined): boolean
  /** A request as the upstream gets it. */
  receive(request: IncomingMessage): Received
}

/** What goes on of a request. */
export interface Received {
  /** Flat, end to end, names in lower case. */
  headers: string[]
  /** Scheme and authority that the client asked. */
  origin: string
}

/**
 * Answered by the gateway itself, or written anew for the upstream; and what would name another target than the one
 * under which the answer is kept.
 */
const NOT_COPIED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'expect',
  'host',
  'max-forwards',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-original-url',
  'x-rewrite-url',
])

export function createForwarding(options: ForwardingOptions, trusts: Trust): Forwarding {
  const viaName = options.viaName || `leeward-${randomBytes(4).toString('hex')}`
  const own = new RegExp(
    `(?:^|,)[ \\t]*[^ \\t,]+[ \\t]+${viaName.replaceAll('.', '\\.')}[ \\t]*(?:$|[,(])`,
    'i',
  )
  return {
    viaName,
    isLoop: via => via !== undefined && own.test(via),
    receive(request) {
      const isTrusted = trusts(request.socket.remoteAddress)
      const headers = copiedFields(request, isTrusted, options.tellsForwarded)
      const origin = addClient(headers, request, isTrusted, options.tellsForwarded)
      const { via } = request.headers
      const ownVia = `1.${request.httpVersionMinor} ${viaName}`
      headers.push('via', via === undefined ? ownVia : `${via}, ${ownVia}`)
      return { headers, origin }
    },
  }
}

function copiedFields(
  { rawHeaders, headers, method }: IncomingMessage,
  isTrusted: boolean,
  tellsForwarded: boolean,
) {
  const named = namedInConnection(headers.connection)
  const fields: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase()
    if (NOT_COPIED.has(name) || named?.has(name)) continue
    if (isClaim(name) && (!isTrusted || (tellsForwarded && name === 'forwarded'))) continue
    fields.push(name, rawHeaders[index + 1]!)
  }
  const hopsLeft = headers['max-forwards'] as string | undefined
  if (hopsLeft !== undefined)
    fields.push('max-forwards', method === 'OPTIONS' ? oneFewer(hopsLeft) : hopsLeft)
  return fields
}

/** Fields by which a proxy tells on whose behalf it asks. */
function isClaim(name: string): boolean {
  return name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip'
}

/**
 * What a trusted proxy said is kept and added to; what anybody else said is replaced.
 * @returns the origin that the upstream is told
 */
function addClient(
  fields: string[],
  { headers, socket }: IncomingMessage,
  isTrusted: boolean,
  tellsForwarded: boolean,
): string {
  const told = (name: string) => (isTrusted ? (headers[name] as string | undefined) : undefined)
  const addTo = (list: string | undefined, member: string) =>
    list === undefined ? member : `${list}, ${member}`
  const peer = plainAddress(socket.remoteAddress)
  const proto = told('x-forwarded-proto') ?? 'http'
  const host = told('x-forwarded-host') ?? headers.host ?? ''
  fields.push('x-forwarded-for', addTo(told('x-forwarded-for'), peer), 'x-forwarded-proto', proto)
  if (host !== '') fields.push('x-forwarded-host', host)
  if (tellsForwarded) fields.push('forwarded', addTo(told('forwarded'), forwardedElement(peer, headers.host)))
  return `${proto}://${host}`
}

/** RFC 7239, section 4; an IPv6 address needs brackets, and with them quotes. */
function forwardedElement(peer: string, host: string | undefined): string {
  const node = isIP(peer) === 6 ? `"[${peer}]"` : peer
  return `for=${node};${host ? `host="${host}";` : ''}proto=http`
}

function oneFewer(count: string): string {
  return /^[1-9]\d*$/.test(count) ? String(Number(count) - 1) : count
}
