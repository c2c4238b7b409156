import { pathOfKey } from './keys.ts'

/** Which stored answers are to go: paths are those of the upstream, query and all. */
export type Purge = { all: true } | { path: string } | { prefix: string }

/** Does the purge mean what is stored under this key? */
export function isMeant(purge: Purge, key: string): boolean {
  if ('all' in purge) return true
  const path = pathOfKey(key)
  return 'path' in purge ? path === purge.path : path.startsWith(purge.prefix)
}
