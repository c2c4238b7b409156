// Scheme and authority by which a client asked.
import { recalling } from './cache/recall.ts'

/** A name, an IPv4 address, or an IPv6 one in brackets; joined duplicates hold a comma. */
const HOST = /^(?:[\w.-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i

const DEFAULT_PORTS: Record<string, string> = { http: ':80', https: ':443' }

/** One host, with a port or without; empty where none is named. */
export const isHost = recalling(value => HOST.test(value))

/** A gateway goes by few names. */
const ofHost = recalling(host => written('http', host))

/** Written as one for all spellings of it: case, and a port that goes without saying, make no other origin. */
export function publicOrigin(proto: string, host: string): string {
  return proto === 'http' ? ofHost(host) : written(proto, host)
}

function written(proto: string, host: string): string {
  const name = host.toLowerCase()
  const port = DEFAULT_PORTS[proto]
  if (port !== undefined && name.endsWith(port)) return `${proto}://${name.slice(0, -port.length)}`
  return `${proto}://${name.endsWith(':') ? name.slice(0, -1) : name}`
}
