// Server-sent events: a hello, transitions at once, counts every 250 ms.
import type { ServerResponse } from 'node:http'
import type { GatewayParts } from '../server.ts'
import { type CountsEvent, epochNow, type HelloEvent } from './events.ts'

const COUNTS_MS = 250
const BYTES_PER_MB = 1_048_576
export const VERSION = '0.1.0'

/** Streams the gateway's events to one reader until it leaves. */
export function streamEvents(raw: ServerResponse, parts: GatewayParts): void {
  const lagOf = parts.lag.reader()
  const send = (name: string, data: object) => raw.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  raw.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  send('hello', helloOf(parts))
  const unwatch = parts.telemetry.onTransition(event => send('breaker', event))
  const timer = setInterval(() => send('counts', countsOf(parts, lagOf())), COUNTS_MS)
  raw.once('close', () => {
    clearInterval(timer)
    unwatch()
  })
}

function helloOf({ config, pipeline }: GatewayParts): HelloEvent {
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
    breakerState: pipeline.breaker.state,
  }
}

/** Everything counted so far, and what the process is like at this moment. */
export function countsOf({ telemetry, upstream }: GatewayParts, eventLoopLagMs: number): CountsEvent {
  const counts = telemetry.counts()
  const memory = process.memoryUsage()
  const requests = Object.entries(counts).reduce(
    (sum, [name, count]) => (name.startsWith('requests.') ? sum + count : sum),
    0,
  )
  return {
    at: epochNow(),
    counts,
    eventLoopLagMs,
    rssMb: memory.rss / BYTES_PER_MB,
    heapMb: memory.heapUsed / BYTES_PER_MB,
    upstreamInFlight: upstream.inFlight,
    upstreamInFlightMax: upstream.takeInFlightMax(),
    upstreamCalls: upstream.calls,
    requests,
  }
}
