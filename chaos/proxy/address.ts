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
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<host>[^:]*)):(?<port>[^:]*)$/.exec(text)
  if (match?.groups === undefined) {
    const problem = text.replace(/^\[[^\]]*\]/, '').includes(':') ? 'too many colons' : 'missing port'
    throw new AddressError(`address ${text}: ${problem} in address`)
  }
  const { ipv6, host, port = '' } = match.groups
  return { host: ipv6 ?? host ?? '', port: parsePort(port) }
}

function parsePort(text: string): number {
  if (text !== '' && !/^[+-]?\d+$/.test(text)) throw new AddressError(`lookup tcp/${text}: unknown port`)
  const port = Number(text)
  if (port < 0 || port > 65_535) throw new AddressError(`address ${text}: invalid port`)
  return port
}

/** Replaces a name by its address, IPv4 before IPv6. */
export async function resolveAddress(text: string): Promise<Address> {
  const { host, port } = parseAddress(text)
  if (host === '' || isIP(host) !== 0) return { host, port }
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
