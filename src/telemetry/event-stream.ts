// Server-sent events: a hello, transitions at once, counts every 250 ms.

import type { ServerResponse } from 'node:http'
import { epochNow } from '../epoch-now.ts'
import type { GatewayParts } from '../gateway-parts.ts'
import type { CountsEvent, HelloEvent } from './events.ts'

const COUNTS_MS = 250
const BYTES_PER_MB = 1_048_576
export const VERSION = '0.1.0'

/** A reader that has so much left to read does not read: what it would still get is kept for nobody. */
const UNREAD_BYTES = BYTES_PER_MB

/** Streams the gateway's events to one reader until it leaves, or reads no more. */
export function streamEvents(raw: ServerResponse, parts: GatewayParts): void {
  const readCounts = countsReader(parts)
  const send = (name: string, data: object) => {
    if (raw.destroyed) return
    raw.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    if (raw.writableLength > UNREAD_BYTES) raw.destroy()
  }
  raw.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  send('hello', helloOf(parts))
  const unwatch = parts.telemetry.onAnnounced(send)
  const timer = setInterval(() => send('counts', readCounts.take()), COUNTS_MS)
  raw.once('close', () => {
    clearInterval(timer)
    unwatch()
    readCounts.close()
  })
}

function helloOf({ live }: GatewayParts): HelloEvent {
  const { config, state } = live.now
  return {
    at: epochNow(),
    pid: process.pid,
    version: VERSION,
    guards: config.guards,
    cache: config.cache,
    upstream: config.upstreamOrigin,
    deadlineMs: config.deadlineMs,
    freshMs: config.cacheFreshMs,
    staleIfErrorMs: config.cacheStaleIfErrorMs,
    staleWhileRevalidateMs: config.cacheStaleWhileRevalidateMs,
    breakerState: state.breaker.state,
  }
}

/** Reads everything counted so far, what the process is like, and the most of each since it last read. */
export function countsReader({ telemetry, upstream, lag }: GatewayParts) {
  const lagReader = lag.reader()
  const inFlightReader = upstream.inFlightReader()
  return {
    take(): CountsEvent {
      const counts = telemetry.counts()
      const memory = process.memoryUsage()
      return {
        at: epochNow(),
        counts,
        eventLoopLagMs: lagReader.take(),
        rssMb: memory.rss / BYTES_PER_MB,
        heapMb: memory.heapUsed / BYTES_PER_MB,
        upstreamInFlight: upstream.inFlight,
        upstreamInFlightMax: inFlightReader.take(),
        upstreamCalls: upstream.calls,
        requests: requestsIn(counts),
      }
    },
    close() {
      lagReader.close()
      inFlightReader.close()
    },
  }
}

function requestsIn(counts: Readonly<Record<string, number>>): number {
  return Object.entries(counts).reduce(
    (sum, [name, count]) => (name.startsWith('requests.') ? sum + count : sum),
    0,
  )
}
