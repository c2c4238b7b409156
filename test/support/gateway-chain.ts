import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { GatewayResponse, Next } from '../../src/guards/guard.ts'
import { createPlaces, type Places } from '../../src/guards/places.ts'
import { GatewayRequest, type RequestParts } from '../../src/guards/request.ts'
import { Upload } from '../../src/upload.ts'

/** A request as the chain sees it, with no socket behind it. */
export function requestOf(parts: Partial<RequestParts> = {}, deadlineMs = Number.POSITIVE_INFINITY) {
  const now = performance.now()
  const whole: RequestParts = {
    method: 'GET',
    path: '/x',
    route: 'proxy',
    client: CLIENT,
    headers: [],
    body: null,
    ...parts,
  }
  return new GatewayRequest(whole, now, now + deadlineMs)
}

/** The client of such a request, unless it is another. */
export const CLIENT = '127.0.0.1'

/** Places of which none is taken, for clients known by their addresses. */
export function placesOf(): Places {
  return createPlaces(address => address)
}

/** The cache's settings as they are by default, before an upstream of no importance. */
export const CACHE_OPTIONS = {
  cacheFreshMs: 2_000,
  cacheStaleIfErrorMs: 60_000,
  cacheStaleWhileRevalidateMs: 0,
  cacheStaleMaxMs: 3_600_000,
  cacheMaxBodyBytes: 1_048_576,
  deadlineMs: 400,
  upstreamOrigin: 'http://upstream.test',
  upstreamHost: 'upstream.test',
  upstreamBasePath: '',
}

/** A body whose bytes come from this stream. */
export function uploadOf(source = new Readable({ read() {} })): Upload {
  const upload = new Upload(source as IncomingMessage, { mostBytes: Number.POSITIVE_INFINITY, wanted() {} })
  return upload.on('error', () => {})
}

/** A whole answer. */
export function answerOf(status = 200, body = 'ok', headers: string[] = []): GatewayResponse {
  return { status, headers, body: Buffer.from(body) }
}

/** One call that reached the end of the chain: the test decides what becomes of it. */
export interface HeldCall {
  request: GatewayRequest
  resolve(response: GatewayResponse): void
  reject(error: unknown): void
}

/** An upstream that answers when told to; a cancelled call ends at once, as a real one does. */
export function heldUpstream() {
  const calls: HeldCall[] = []
  const running = new Set<HeldCall>()
  let most = 0
  const next: Next = request =>
    new Promise((resolve, reject) => {
      const end = () => running.delete(call)
      const call: HeldCall = {
        request,
        resolve(response) {
          end()
          resolve(response)
        },
        reject(error) {
          end()
          reject(error)
        },
      }
      calls.push(call)
      running.add(call)
      most = Math.max(most, running.size)
      request.link({ cancel: reason => call.reject(reason) })
    })
  return { next, calls, running, mostAtOnce: () => most }
}

/** Counts what a guard tells. */
export function teller() {
  const told: Record<string, number> = {}
  const tell = (what: string) => {
    told[what] = (told[what] ?? 0) + 1
  }
  return { tell, told }
}

/** What became of a promise: its value, or the code of the refusal. */
export function outcomeOf(promise: Promise<GatewayResponse>): Promise<number | string> {
  return promise.then(
    response => response.status,
    error => error.code ?? String(error),
  )
}

/** Lets every promise that can settle do so, with no timer run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
