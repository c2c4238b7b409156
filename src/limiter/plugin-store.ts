/** How full a client's bucket is with its last request, over the burst if that did not fit; and until when. */
export interface Count {
  current: number
  ttl: number
}

/** What @fastify/rate-limit asks of a store. */
export interface PluginStore {
  incr(key: string, callback: (error: Error | null, count?: Count) => void): void
}
