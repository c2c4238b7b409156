// An HTTP server that misbehaves on request, in a process of its own, and counts what it did.
// `/areas/<key>` meets the behaviour at that place in the list it is started with (round again after the last).
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32 } from 'node:zlib'
import { elapse } from '../../scenarios/engine/origin/service-time.ts'

const BODY = JSON.stringify({ id: 1, name: 'an area' })
const PROBLEM = 'application/problem+json'

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

function stamps(request: IncomingMessage, { ageMs = 0 } = {}) {
  return {
    'content-type': 'application/json',
    'x-origin-checksum': crc32(BODY).toString(16),
    'x-origin-version': String(Date.now() - ageMs),
    'x-origin-key': request.url!.slice(1),
  }
}

function cached(status: string, { ageMs = 0 } = {}): Behaviour {
  return (request, response) => {
    response.writeHead(200, { ...stamps(request, { ageMs }), 'cache-status': status }).end(BODY)
  }
}

function refusal(status: number, type: string, body: object): Behaviour {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body))
  }
}

const behaviours = {
  ok: (_request, response) => void response.end(BODY),
  after5: async (_request, response) => {
    await elapse(5)
    response.end(BODY)
  },
  after100: async (_request, response) => {
    await elapse(100)
    response.end(BODY)
  },
  after500: async (_request, response) => {
    await elapse(500)
    response.end(BODY)
  },
  reset: request => void request.socket.resetAndDestroy(),
  fin: request => void request.socket.end(),
  cut: (_request, response) => {
    response.writeHead(200, { 'content-length': BODY.length + 1_000 })
    response.write(BODY, () => response.socket!.end())
  },
  close: (_request, response) => void response.writeHead(200, { connection: 'close' }).end(BODY),
  hang: () => {},
  notHttp: request => void request.socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'),
  fresh: (request, response) => void response.writeHead(200, stamps(request)).end(BODY),
  missed: cached('leeward; fwd=miss; ttl=2'),
  shared: cached('leeward; fwd=miss; collapsed'),
  hit: cached('leeward; hit; ttl=1', { ageMs: 1_000 }),
  staleBySaying: cached('leeward; hit; ttl=-3', { ageMs: 1_000 }),
  staleByAge: (request, response) =>
    void response.writeHead(200, stamps(request, { ageMs: 10_000 })).end(BODY),
  corrupt: (request, response) =>
    void response.writeHead(200, { ...stamps(request), 'x-origin-checksum': '0badf00d' }).end(BODY),
  truncated: (request, response) => {
    response.writeHead(200, { ...stamps(request), 'content-length': BODY.length })
    response.write(BODY.slice(0, 9), () => response.socket!.end())
  },
  wrong: (request, response) =>
    void response.writeHead(200, { ...stamps(request), 'x-origin-key': 'areas/999' }).end(BODY),
  shed503: refusal(503, PROBLEM, { code: 'breaker-open' }),
  shed429: refusal(429, PROBLEM, { code: 'rate-limited' }),
  problem504: refusal(504, PROBLEM, { code: 'deadline' }),
  plain503: refusal(503, 'text/html', { code: 'breaker-open' }),
  codeless503: refusal(503, PROBLEM, { title: 'Service Unavailable' }),
  missing404: refusal(404, 'application/json', { error: 'no area' }),
  aged: (_request, response) => void response.writeHead(200, { age: '7' }).end(BODY),
} satisfies Record<string, Behaviour>

/** What the server can be told to do. */
export type BehaviourName = keyof typeof behaviours

/** What the server is started with, as JSON in its first argument. */
export interface OddServerSettings {
  behaviours: BehaviourName[]
  /** Stops its whole process once, so long after its first request, for so long. */
  freeze?: { afterMs: number; forMs: number }
}

if (process.send !== undefined) {
  const settings: OddServerSettings = JSON.parse(process.argv[2]!)
  const counts: Partial<Record<BehaviourName | 'total', number>> = {}
  const freeze = settings.freeze
  const server = createServer((request, response) => {
    if (freeze !== undefined && counts.total === undefined) setTimeout(block, freeze.afterMs, freeze.forMs)
    const key = Number(request.url!.split('/').at(-1)) || 1
    const name = settings.behaviours[(key - 1) % settings.behaviours.length]!
    counts[name] = (counts[name] ?? 0) + 1
    counts.total = (counts.total ?? 0) + 1
    void (behaviours[name] as Behaviour)(request, response)
  })
  // A client that gives up ends its connection: nothing to add.
  server.on('connection', socket => socket.on('error', () => {}))
  server.listen(0, '127.0.0.1', () => {
    process.send!({ ready: true, ports: { http: (server.address() as AddressInfo).port } })
  })
  process.on('message', () => process.send!(counts))
  process.on('disconnect', () => process.exit())
}

function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs)
}
