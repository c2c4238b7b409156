// What is measured: the gateway under several settings, and what it is held against.
import { get } from 'node:http'
import type { Laboratory } from '../laboratory.ts'
import type { Subject } from '../rounds.ts'
import { pin } from './machine.ts'

/** A server under test. */
export interface Served extends Subject {
  pid: number
  /** Put before every path. */
  url: string
  /** Where what is passed on is asked for: where nothing may be stored, unless it says otherwise. */
  folder?: string
}

/**
 * Every guard is on, but out of the way: saturation would trip each that bounds a client or a queue.
 * Metrics are always on, and the log is sampled as it is by itself.
 */
export const RAISED = {
  RATE_LIMIT_MAX: '1000000000',
  BULKHEAD_MAX: '10000',
  DEADLINE_MS: '5000',
  ATTEMPT_LIMIT_MS: '4000',
  BREAKER_RESET_MS: '6000',
  SHED_LAG_MS: '5000',
  /** What is stored stays so: nothing else than the row says is measured. */
  CACHE_FRESH_MS: '3600000',
}

export const GATEWAY = {
  guarded: 'gateway, all guards',
  storing: 'gateway, all guards, every answer stored',
  unshared: 'gateway, all but cache and single flight',
  bare: 'gateway, no guards',
}

/** Starts a gateway on the core that is measured. */
export async function startGateway(
  lab: Laboratory,
  name: string,
  upstream: string,
  settings: Record<string, string> = {},
): Promise<Served> {
  const { pid, ports } = await lab.start(name, 'src/main.ts', {
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_HOST: '127.0.0.1',
      ADMIN_PORT: '0',
      UPSTREAM_URL: upstream,
      // Where there is one, the rate limit counts in it: each row says for itself whether it does.
      REDIS_URL: '',
      ...RAISED,
      ...settings,
    },
  })
  pin(pid, 'measured')
  return { name, pid, url: `http://127.0.0.1:${ports.http}/proxy` }
}

/** What the packages can do at most: the same job with nothing of ours in it. */
const BARE = {
  'bare-http': 'bare node:http, the same bytes',
  'bare-cache': 'bare Fastify, rate-limit and lru-cache',
  'bare-proxy': 'bare Fastify and undici',
}

/** A bare server that sends what `like` answers at this path, the first kind of them to the byte. */
export async function startBareAnswer(
  lab: Laboratory,
  kind: 'bare-http' | 'bare-cache',
  like: Served,
  path: string,
): Promise<Served> {
  return startBare(lab, kind, { ANSWER: JSON.stringify(await answerOf(like.url + path)) })
}

/** A proxy that does nothing but pass on. */
export function startBareProxy(lab: Laboratory, upstream: string): Promise<Served> {
  return startBare(lab, 'bare-proxy', { UPSTREAM_URL: upstream })
}

async function startBare(
  lab: Laboratory,
  kind: keyof typeof BARE,
  env: Record<string, string>,
): Promise<Served> {
  const name = BARE[kind]
  const { pid, ports } = await lab.start(name, `test/bench/gateway/${kind}.ts`, { env })
  pin(pid, 'measured')
  return { name, pid, url: `http://127.0.0.1:${ports.http}/proxy` }
}

/** Fields that node:http adds by itself. */
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive'])

/** An answer as it came, for those that send the same. */
export function answerOf(url: string): Promise<{ status: number; headers: string[]; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, response => {
      const { rawHeaders, statusCode } = response
      const headers = rawHeaders.filter(
        (_, index) => !OF_THE_CONNECTION.has(rawHeaders[index - (index % 2)]!.toLowerCase()),
      )
      let body = ''
      response.setEncoding('utf8').on('data', text => {
        body += text
      })
      response.on('end', () => resolve({ status: statusCode!, headers, body }))
    }).on('error', reject)
  })
}
