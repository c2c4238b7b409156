// Which request targets are accepted. What could be resolved to another place is refused, never resolved.
// The router has refused what is not UTF-8 in percent-encoding, with over-long sequences among it.

import type { IncomingMessage } from 'node:http'

const SCHEME = 'http://'

/** What needs no closer look, as nearly all do. */
const PLAIN = /^(?:\/[\w~-]+)+\/?(?:\?[\w~=&,+-]*)?$/

const NOT_IN_A_PATH = /[\\#\0]/
/** Encoded NUL, slash and backslash: what they mean is for each server on the way to guess. */
const ENCODED_SEPARATOR = /%(?:00|2f|5c)/i

/** As a server reads them that decodes more than once. */
const SEPARATORS = /\/|%(?:25)+(?:00|2f|5c)/i
const ENCODED_DOT = /%(?:25)*2e/gi

/**
 * The target as a path, where it is a URL of the very host that the request is for (RFC 9112, 3.2.2); else as it is.
 * What names two hosts is not resolved.
 */
export function pathOfTarget({ url = '', headers: { host } }: IncomingMessage): string {
  if (url.startsWith('/') || !host || url.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return url
  const path = url.slice(SCHEME.length + host.length)
  if (!url.startsWith(host, SCHEME.length) || !/^(?:[/?]|$)/.test(path)) return url
  return path.startsWith('/') ? path : `/${path}`
}

/** Why a raw request target is not accepted, or undefined when it is. */
export function targetProblem(target: string): string | undefined {
  if (PLAIN.test(target)) return undefined
  if (!target.startsWith('/')) return 'the target must be a path, or a URL of the host in the Host field'
  const end = target.indexOf('?')
  const path = end === -1 ? target : target.slice(0, end)
  if (path.startsWith('//') || path.startsWith('/proxy//')) return 'the path must not begin with two slashes'
  if (NOT_IN_A_PATH.test(target)) return 'the target must not hold a backslash, a NUL or a fragment'
  if (!path.includes('%') && !path.includes('.')) return undefined
  if (ENCODED_SEPARATOR.test(path)) return 'the path must not hold an encoded slash, backslash or NUL'
  if (path.split(SEPARATORS).some(isDotSegment)) return 'the path must not hold "." or ".." segments'
  return undefined
}

/** "." and "..", encoded or not; some servers drop ";…" from a segment before they look. */
function isDotSegment(segment: string): boolean {
  const name = segment.replace(/(?:;|%(?:25)*3b).*$/i, '').replace(ENCODED_DOT, '.')
  return name === '.' || name === '..'
}
