// Addresses as the real server reads and writes them.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

export interface Address {
  /** Empty for every address of the machine. */
  host: string
  port: number
}

/** An address that cannot be used, in the real server's words. */
export class AddressError extends Error {
  override name = 'AddressError'
}

/** Takes `host:port` apart. The empty text is any address and any port. */
export function parseAddress(text: string): Address {
  if (text === '') return { host: '', port: 0 }
  const match = /^(?:\[(?<ipv6>[^[\]]*)\]|(?<host>[^:[\]]*)):(?<port>[^:[\]]*)$/.exec(text)
  if (match?.groups === undefined) throw new AddressError(`address ${text}: ${problemOf(text)} in address`)
  const { ipv6, host, port = '' } = match.groups
  return { host: ipv6 ?? host ?? '', port: parsePort(port) }
}

/** Why that is no `host:port`, in Go's words; of several reasons the one that Go tells. */
function problemOf(text: string): string {
  const [, afterBracket] = /^\[[^\]]*\](.*)$/s.exec(text) ?? []
  if (!text.includes(':')) return 'missing port'
  if (text.startsWith('[') && afterBracket === undefined) return "missing ']'"
  if (afterBracket !== undefined && !afterBracket.startsWith(':')) return 'missing port'
  if (/:.*:/s.test(afterBracket ?? text)) return 'too many colons'
  return text.includes('[', 1) ? "unexpected '['" : "unexpected ']'"
}

/** Services that the real server knows by name wherever it runs. */
const SERVICE_PORTS = new Map(
  Object.entries({ ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, http: 80, pop3: 110, https: 443 }),
)

function parsePort(text: string): number {
  const isNumber = /^[+-]?\d*$/.test(text)
  const port = isNumber ? Number(text) || 0 : SERVICE_PORTS.get(text.toLowerCase())
  if (port === undefined) throw new AddressError(`lookup tcp/${text}: unknown port`)
  if (port < 0 || port > 65_535) throw new AddressError(`address ${text}: invalid port`)
  return port
}

/** Replaces a name by its address, IPv4 before IPv6. */
export async function resolveAddress(text: string): Promise<Address> {
  const { host, port } = parseAddress(text)
  if (host === '' || isIP(host) !== 0) return { host, port }
  // The system's resolver would read 127.1 as 127.0.0.1.
  if (/^[\d.]+$/.test(host)) throw new AddressError(`lookup ${host}: no such host`)
  try {
    const { address } = await lookup(host, { order: 'ipv4first' })
    return { host: address, port }
  } catch {
    throw new AddressError(`lookup ${host}: no such host`)
  }
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Every address of the machine, both families; listening there is told as `[::]`. */
export function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::'
}
