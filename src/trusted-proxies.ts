// Which peers may say on whose behalf they ask: by address, never by a count of hops, which a client can lengthen.
import { BlockList, isIP } from 'node:net'

/** Does this peer speak for others? */
export type Trust = (address: string | undefined) => boolean

/** The members of a list of addresses and CIDRs. */
export function rangesIn(list: string): string[] {
  return list
    .split(',')
    .map(range => range.trim())
    .filter(range => range !== '')
}

/** An address, IPv4 or IPv6, or a CIDR. */
export function isAddressRange(range: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? []
  const version = isIP(address)
  return version !== 0 && (bits === undefined || Number(bits) <= longestPrefix(version))
}

/** Trusts the peers in these ranges; without any, nobody. */
export function trustIn(ranges: readonly string[]): Trust {
  if (ranges.length === 0) return () => false
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const version = isIP(address)
    list.addSubnet(address, Number(bits ?? longestPrefix(version)), familyOf(version))
  }
  return peer => {
    const address = plainAddress(peer)
    const version = isIP(address)
    return version !== 0 && list.check(address, familyOf(version))
  }
}

/** An address as others write it: an IPv4 one without the prefix that a socket for both families gives it. */
export function plainAddress(address = ''): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
}

/** An address as X-Forwarded-For has it, without the port that some proxies add: 203.0.113.9:4711, [2001:db8::1]:4711. */
export function withoutPort(address: string): string {
  return address.replace(/^\[([^\]]*)\](?::\d+)?$/, '$1').replace(/^([^:]+):\d+$/, '$1')
}

function longestPrefix(version: number): number {
  return version === 4 ? 32 : 128
}

function familyOf(version: number): 'ipv4' | 'ipv6' {
  return version === 4 ? 'ipv4' : 'ipv6'
}
