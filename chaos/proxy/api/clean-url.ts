import { posix } from 'node:path'

/** Where the real server's router sends a path with doubled slashes or dots: what it means. Undefined when it is clean. */
export function cleanUrl(url: string): string | undefined {
  const [, path = '', query = ''] = /^([^?]*)(.*)$/s.exec(url) ?? []
  const decoded = decodeURIComponent(path)
  const clean = posix.normalize(decoded)
  return clean === decoded ? undefined : encodeURI(clean).replace(/[?#]/g, encodeURIComponent) + query
}
