import { performance } from 'node:perf_hooks'
import { discard, type Next, type Tell } from '../guards/guard.ts'
import { GatewayRequest } from '../guards/request.ts'
import { without } from '../headers.ts'
import { consult } from './consult.ts'
import { keyOf, type Place, type Shelf } from './shelf.ts'
import type { CacheEntry } from './store.ts'

/** What this client wants of the answer; the refresh is for all. */
const OF_THE_CLIENT = new Set([
  'cache-control',
  'pragma',
  'if-none-match',
  'if-modified-since',
  'range',
  'if-range',
])

/** Fetches a fresh answer that nobody waits for. */
export type Refresh = (place: Place, known: CacheEntry, request: GatewayRequest, next: Next) => void

/** Refreshes under a deadline of their own, one at a time for each stored answer. */
export function createRefresh(shelf: Shelf, { deadlineMs }: { deadlineMs: number }, tell: Tell): Refresh {
  const refreshing = new Set<string>()

  async function refresh(
    place: Place,
    known: CacheEntry,
    request: GatewayRequest,
    next: Next,
  ): Promise<void> {
    const now = performance.now()
    const parts = { ...request.parts, method: 'GET', headers: without(request.parts.headers, OF_THE_CLIENT) }
    const background = new GatewayRequest(parts, now, now + deadlineMs)
    const call = shelf.begin(place, background)
    try {
      const { response, isFault } = await consult(call, known, background, next)
      discard(response)
      if (isFault) tell('refresh-failed')
    } catch {
      tell('refresh-failed')
    } finally {
      call.end()
    }
  }

  return (place, known, request, next) => {
    const key = keyOf(place, request)
    if (refreshing.has(key)) return
    refreshing.add(key)
    tell('refreshed')
    refresh(place, known, request, next).finally(() => refreshing.delete(key))
  }
}
