// Upgrades to WebSocket: refused or ignored in order, or a tunnel that ends as its ends do.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange } from '../../support/gateway-raw.ts'
import {
  bytes,
  OK,
  type RawUpstream,
  startRawUpstream,
  timeless,
} from '../../support/gateway-raw-upstream.ts'
import { dialTcp, type End } from '../../support/tcp.ts'
import { quiet } from '../../support/toxic-lab.ts'

let upstream: RawUpstream
let gateway: TestGateway
const dialled: End[] = []
beforeEach(async () => {
  upstream = await startRawUpstream()
  upstream.answer = bytes(SWITCHED)
})
afterEach(async () => {
  for (const { socket } of dialled.splice(0)) socket.destroy()
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string> = {}) {
  gateway = await startGateway({
    ...{
      UPSTREAM_URL: upstream.url,
      UPGRADES: 'websocket',
      VIA_NAME: 'here',
      RETRY_ATTEMPTS: '0',
      ...PATIENT,
    },
    ...settings,
  })
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const acceptOf = (key: string) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const SWITCHED = [
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
  `Sec-WebSocket-Accept: ${acceptOf(KEY)}\r\n\r\n`,
].join('')

function handshake(path = '/proxy/chat', more = ''): string {
  return [
    `GET ${path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n`,
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${more}\r\n`,
  ].join('')
}

async function dial(text: string): Promise<End> {
  const end = await dialTcp(`127.0.0.1:${gateway.port}`)
  dialled.push(end)
  end.socket.write(text, 'latin1')
  return end
}

/** Both ends of a tunnel, with nothing but the handshake behind them. */
async function tunnel(path?: string): Promise<{ client: End; server: End }> {
  const count = upstream.ends.length
  const client = await dial(handshake(path))
  await eventually(() => expect(textOf(client)).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\n$/s))
  return { client, server: upstream.ends[count]! }
}

const textOf = (end: End) => end.received().toString('latin1')
const afterHeader = (end: End) => textOf(end).split('\r\n\r\n').slice(1).join('\r\n\r\n')

describe('an upgrade that is not wanted', () => {
  const asPlain = async (text: string) => {
    upstream.answer = bytes(OK)
    const client = await dial(text)
    await eventually(() => expect(textOf(client)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*ok$/s))
    expect(upstream.received()).not.toMatch(/^(upgrade|http2-settings):/im)
    expect(upstream.received()).toContain('\r\nconnection: keep-alive\r\n')
  }

  test('is ignored while upgrades are off: the request is answered as it stands', async () => {
    await start({ UPGRADES: 'off' })
    await asPlain(handshake())
  })

  test.each([
    [
      'h2c',
      'GET /proxy/x HTTP/1.1\r\nHost: g.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    ],
    ['a list of protocols', handshake().replace('websocket', 'websocket, h2c')],
    ['a handshake by POST', handshake().replace('GET', 'POST')],
    ['a handshake with a body', handshake('/proxy/x', 'Content-Length: 3\r\n').concat('abc')],
    ['a handshake without Connection: Upgrade', handshake().replace('keep-alive, Upgrade', 'keep-alive')],
  ])('%s is ignored, too', async (_what, text) => {
    await start()
    await asPlain(text)
  })

  test.each([
    ['/proxy/../admin', 400],
    ['/other', 404],
    ['//evil.test/proxy/x', 400],
  ])('of %s is refused as every request is, and the connection ends', async (path, status) => {
    await start()
    const answer = await rawExchange(gateway.port, handshake(path))
    expect(answer.status).toBe(status)
    expect(upstream.received()).toBe('')
  })
})

/** A server that echoes every frame, as short or long as it came, and a close with a close. */
function echoFrames({ socket }: End): void {
  const key = /^sec-websocket-key: (.*)$/im
  let pending = Buffer.alloc(0)
  let isOpen = false
  socket.removeAllListeners('data').on('data', data => {
    pending = Buffer.concat([pending, data as Buffer])
    if (!isOpen) return
    for (let frame = nextFrame(pending); frame !== undefined; frame = nextFrame(pending)) {
      pending = pending.subarray(frame.length)
      socket.write(frame.answer)
      if (frame.isClose) socket.end()
    }
  })
  const upstreamText = textOf(upstream.ends[0]!)
  socket.write(SWITCHED.replace(acceptOf(KEY), acceptOf(key.exec(upstreamText)?.[1] ?? '')))
  isOpen = true
}

/** A whole masked frame at the start of these bytes, and the same unmasked. */
function nextFrame(data: Buffer): { length: number; answer: Buffer; isClose: boolean } | undefined {
  if (data.length < 2) return undefined
  const size = data[1]! & 0x7f
  const extra = size === 126 ? 2 : size === 127 ? 8 : 0
  const start = 2 + extra + 4
  if (data.length < start) return undefined
  const bodyLength = extra === 2 ? data.readUInt16BE(2) : extra === 8 ? Number(data.readBigUInt64BE(2)) : size
  if (data.length < start + bodyLength) return undefined
  const header = Buffer.from(data.subarray(0, 2 + extra))
  header[1]! &= 0x7f
  const mask = data.subarray(2 + extra, start)
  const body = Buffer.from(data.subarray(start, start + bodyLength))
  for (let index = 0; index < bodyLength; index += 1) body[index]! ^= mask[index % 4]!
  return {
    length: start + bodyLength,
    answer: Buffer.concat([header, body]),
    isClose: (data[0]! & 0xf) === 8,
  }
}

describe('a WebSocket through the gateway', () => {
  test('carries messages of any length both ways, and closes in order', async () => {
    await start()
    upstream.answer = echoFrames
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/proxy/chat`)
    socket.binaryType = 'arraybuffer'
    await once(socket, 'open')
    for (const message of ['hello', 'x'.repeat(70_000), 'é'.repeat(300)]) {
      socket.send(message)
      const [event] = (await once(socket, 'message')) as [MessageEvent]
      expect(event.data).toBe(message)
    }
    socket.close(1000, 'bye')
    const [event] = (await once(socket, 'close')) as [CloseEvent]
    expect([event.code, event.reason, event.wasClean]).toEqual([1000, 'bye', true])
  })

  test('tells the upstream what every request tells it, and the client what the upstream said', async () => {
    await start()
    const { client } = await tunnel('/proxy/chat?room=1')
    expect(timeless(upstream.received())).toBe(
      [
        `GET /chat?room=1 HTTP/1.1\r\nhost: 127.0.0.1:${upstream.port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n`,
        `sec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\nx-forwarded-for: 127.0.0.1\r\n`,
        'x-forwarded-proto: http\r\nx-forwarded-host: gateway.test\r\nvia: 1.1 here\r\n\r\n',
      ].join(''),
    )
    expect(textOf(client)).toContain(`\r\nsec-websocket-accept: ${acceptOf(KEY)}\r\n`)
    expect(textOf(client).match(/^(upgrade|connection): .*$/gim)).toEqual([
      ...['upgrade: websocket', 'connection: Upgrade'],
    ])
  })

  test('loses no byte that either side sends right behind the handshake', async () => {
    await start()
    upstream.answer = bytes(`${SWITCHED}from the server`)
    const client = await dial(`${handshake()}from the client`)
    await eventually(() => expect(afterHeader(client)).toBe('from the server'))
    await eventually(() => expect(upstream.received()).toMatch(/\r\n\r\nfrom the client$/))
  })

  test('is one client’s alone: equal handshakes share nothing', async () => {
    await start()
    const [one, other] = await Promise.all([tunnel(), dial(handshake())])
    await eventually(() => expect(textOf(other)).toMatch(/ 101 /))
    expect(upstream.ends.length).toBe(2)
    one.server.socket.write('only for one')
    await eventually(() => expect(afterHeader(one.client)).toBe('only for one'))
    expect(afterHeader(other)).toBe('')
  })
})

test('an answer that is cached under its path is no answer to a handshake', async () => {
  await start({ CACHE_FRESH_MS: '60000' })
  upstream.answer = bytes(OK)
  for (const status of ['uri-miss', 'hit']) {
    const answer = await fetch(`${gateway.url}/proxy/chat`)
    expect([await answer.text(), answer.headers.get('cache-status')]).toEqual([
      ...['ok', expect.stringContaining(status)],
    ])
  }
  upstream.answer = bytes(SWITCHED)
  await tunnel('/proxy/chat')
})

describe('an upstream that does not switch', () => {
  test('has its answer passed on, and nothing that the client sends after it', async () => {
    await start()
    upstream.answer = bytes(
      'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\nContent-Length: 2\r\n\r\nno',
    )
    const client = await dial(`${handshake()}GET /smuggled HTTP/1.1\r\nHost: g.test\r\n\r\n`)
    await eventually(() => expect(client.ending).toBe('fin'))
    expect(textOf(client)).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n.*Connection: close\r\n.*no$/s)
    expect(upstream.received()).not.toContain('smuggled')
    expect(upstream.ends.length).toBe(1)
  })

  test('or switches to something else is a 502', async () => {
    await start()
    upstream.answer = bytes(SWITCHED.replace('websocket', 'h2c'))
    const client = await dial(handshake())
    await eventually(() => expect(client.ending).toBe('fin'))
    expect(textOf(client)).toMatch(/^HTTP\/1\.1 502 .*"code":"upstream-malformed"/s)
    await eventually(() => expect(upstream.ends[0]?.ending).toBeDefined())
  })

  test('or does not answer is a 504 after the attempt limit, and its connection ends', async () => {
    await start({ ATTEMPT_LIMIT_MS: '100' })
    upstream.answer = () => {}
    const client = await dial(handshake())
    await eventually(() => expect(client.ending).toBe('fin'))
    expect(textOf(client)).toMatch(/^HTTP\/1\.1 504 .*"code":"attempt-timeout"/s)
    await eventually(() => expect(upstream.ends[0]?.ending).toBeDefined())
  })

  test('is called no longer when its client resets the connection', async () => {
    await start()
    upstream.answer = () => {}
    const client = await dial(handshake())
    await eventually(() => expect(upstream.ends.length).toBe(1))
    client.socket.resetAndDestroy()
    await eventually(() => expect(upstream.ends[0]?.ending).toBeDefined())
  })
})

describe('a handshake that is pipelined', () => {
  test.each([
    ['one that is not asked at all', 'GET /health HTTP/1.1\r\nHost: g.test\r\n\r\n'],
    ['one that takes its time', 'GET /proxy/slow HTTP/1.1\r\nHost: g.test\r\n\r\n'],
  ])('behind %s is answered in turn, as it stands', async (_what, before) => {
    await start()
    upstream.answer = end => void setTimeout(() => end.socket.write(OK), 100)
    const closing = handshake().replace('keep-alive, Upgrade', 'close, Upgrade')
    const { text } = await rawExchange(gateway.port, before + closing)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
    expect(upstream.received()).not.toMatch(/^upgrade:/im)
  })

  test('to nowhere behind another request leaves the process up', async () => {
    await start()
    const { text } = await rawExchange(
      gateway.port,
      `GET /health HTTP/1.1\r\nHost: g.test\r\n\r\n${handshake('/nope').replace('keep-alive', 'close')}`,
    )
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404'])
  })

  test('is one again on a connection whose answers are out', async () => {
    await start()
    const client = await dial('GET /health HTTP/1.1\r\nHost: g.test\r\n\r\n')
    await eventually(() => expect(textOf(client)).toMatch(/\{"status":"ok"\}$/))
    client.socket.write(handshake())
    await eventually(() => expect(textOf(client)).toMatch(/ 101 /))
  })
})

describe('a client whose handshake is under way', () => {
  const pending = async (text: string) => {
    upstream.answer = () => {}
    const client = await dial(text)
    await eventually(() => expect(upstream.ends.length).toBe(1))
    return client
  }

  test.each([
    ['', ''],
    [', though it sent something first', 'early'],
  ])('is gone when it ends the connection%s', async (_what, early) => {
    await start()
    const client = await pending(handshake() + early)
    client.socket.end()
    await eventually(() => expect(upstream.ends[0]?.ending).toBeDefined())
    await eventually(() => expect(client.ending).toBe('fin'))
  })

  test('loses nothing of what it sends meanwhile, in however many pieces', async () => {
    await start()
    const client = await pending(handshake())
    const early = Array.from({ length: 40 }, (_, index) => `${index} `.repeat(2_000))
    for (const piece of early) {
      client.socket.write(piece)
      await quiet(2)
    }
    upstream.ends[0]!.socket.write(SWITCHED)
    await eventually(() => expect(upstream.received().endsWith(`\r\n\r\n${early.join('')}`)).toBe(true))
    client.socket.write('late')
    await eventually(() => expect(upstream.received().endsWith('39 late')).toBe(true))
  })

  test('may still have its tunnel while the gateway drains', async () => {
    await start({ DRAIN_MS: '1000' })
    const client = await pending(handshake())
    const closed = gateway.close()
    upstream.ends[0]!.socket.write(SWITCHED)
    await eventually(() => expect(textOf(client)).toMatch(/ 101 /))
    expect(textOf(client).match(/^connection: .*$/gim)).toEqual(['connection: Upgrade'])
    await closed
  })

  test('is cut off when the time to drain is over', async () => {
    await start({ DRAIN_MS: '300' })
    const client = await pending(handshake())
    await gateway.close()
    await eventually(() => expect([client.ending, upstream.ends[0]?.ending]).not.toContain(undefined))
  })
})

describe('the guards before a tunnel', () => {
  const codeOf = async () => /"code":"([^"]*)"/.exec((await rawExchange(gateway.port, handshake())).text)?.[1]

  test('the rate limit counts handshakes', async () => {
    await start({ RATE_LIMIT_MAX: '1', RATE_LIMIT_WINDOW_MS: '60000' })
    await tunnel()
    expect(await codeOf()).toBe('rate-limited')
  })

  test('the bulkhead holds a place for as long as a tunnel lives', async () => {
    await start({ BULKHEAD_MAX: '1' })
    const { client, server } = await tunnel()
    expect(await codeOf()).toBe('bulkhead-full')
    client.socket.destroy()
    server.socket.end()
    await eventually(async () => expect((await gateway.counts())['upstream.status-1xx']).toBe(1))
    await tunnel()
  })

  test('the breaker counts handshakes that fail, and refuses while it is open', async () => {
    await start({ BREAKER_LEAST_CALLS: '1' })
    upstream.answer = end => end.socket.resetAndDestroy()
    expect(await codeOf()).toBe('upstream-reset')
    expect(await codeOf()).toBe('breaker-open')
  })

  test('an upstream that is not there is a 502', async () => {
    await start()
    await upstream.close()
    expect(await codeOf()).toBe('upstream-unreachable')
  })
})

describe('the end of a tunnel', () => {
  test('by FIN goes on to the other side, which may still send', async () => {
    await start()
    for (const [first, second] of [
      ['client', 'server'],
      ['server', 'client'],
    ] as const) {
      const ends = await tunnel()
      const before = ends[first].received().length
      ends[first].socket.end('last words')
      await eventually(() => expect(ends[second].ending).toBe('fin'))
      expect(textOf(ends[second])).toMatch(/last words$/)
      ends[second].socket.write('an answer')
      await eventually(() => expect(textOf(ends[first]).slice(before)).toBe('an answer'))
      ends[second].socket.end()
      await eventually(() => expect(ends[first].ending).toBe('fin'))
    }
    await eventually(async () => expect((await gateway.counts())['upstream.status-1xx']).toBe(2))
  })

  test('by FIN of a client is the end of a server that says no more', async () => {
    await start()
    const { client, server } = await tunnel()
    client.socket.end()
    await eventually(() => expect([client.ending, server.ending]).toEqual(['fin', 'fin']))
    await eventually(async () => expect((await gateway.counts())['upstream.status-1xx']).toBe(1))
  })

  test.each([
    ['client', 'server'],
    ['server', 'client'],
  ] as const)('by a reset of the %s is a reset of the %s', async (first, second) => {
    await start()
    const ends = await tunnel()
    ends[first].socket.resetAndDestroy()
    await eventually(() => expect(ends[second].ending).toBe('rst'))
  })

  test('comes after TUNNEL_IDLE_MS without a byte, and not while bytes go one way', async () => {
    await start({ TUNNEL_IDLE_MS: '300' })
    const { client, server } = await tunnel()
    const talk = setInterval(() => server.socket.write('.'), 50)
    await quiet(900)
    expect([client.ending, server.ending]).toEqual([undefined, undefined])
    clearInterval(talk)
    await eventually(() => expect([client.ending, server.ending]).toEqual(['fin', 'fin']))
  })

  test('at shutdown comes in order, once DRAIN_MS have passed', async () => {
    await start({ DRAIN_MS: '300' })
    const { client, server } = await tunnel()
    const closed = gateway.close()
    const startedAt = performance.now()
    server.socket.write('still open')
    await eventually(() => expect(afterHeader(client)).toBe('still open'))
    await eventually(() => expect([client.ending, server.ending]).toEqual(['fin', 'fin']))
    // Two clocks, each rounded.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299)
    await closed
  })

  test('at shutdown does not wait for a client that reads nothing', async () => {
    await start({ DRAIN_MS: '300' })
    const { client, server } = await tunnel()
    client.socket.pause()
    server.socket.write(Buffer.alloc(32 * 1024 * 1024))
    await eventually(() => expect(client.socket.readableLength).toBeGreaterThan(0))
    await gateway.close()
  })

  test('lets a gateway close at once whose tunnels have ended', async () => {
    await start({ DRAIN_MS: '60000' })
    const { client } = await tunnel()
    const closed = gateway.close()
    client.socket.end()
    upstream.ends[0]?.socket.end()
    await closed
  })
})

describe('a side of a tunnel that reads nothing', () => {
  /** Writes until nothing more goes, and says how much went. */
  async function flood(socket: Socket): Promise<number> {
    const chunk = Buffer.alloc(65_536)
    let written = 0
    const pump = () => {
      while (written < 64 * 1024 * 1024) {
        written += chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', pump)
      }
    }
    pump()
    let before = -1
    await eventually(async () => {
      const last = before
      before = written
      await quiet(100)
      expect(written).toBe(last)
    })
    return written
  }

  test.each([
    ['client', 'server'],
    ['server', 'client'],
  ] as const)('the %s: holds the %s back', async (reader, writer) => {
    await start()
    const ends = await tunnel()
    ends[reader].socket.pause()
    // What the kernel and four sockets hold.
    expect(await flood(ends[writer].socket)).toBeLessThan(32 * 1024 * 1024)
  })
})

test('a client that resets in the middle of everything leaves the process up', async () => {
  await start()
  for (let round = 0; round < 30; round += 1) {
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {})
    socket.write(handshake())
    setTimeout(() => socket.resetAndDestroy(), round / 2)
    await once(socket, 'close')
  }
  const { client, server } = await tunnel()
  client.socket.write('well')
  await eventually(() => expect(textOf(server)).toMatch(/well$/))
  client.socket.destroy()
  await eventually(async () => {
    const stats = (await (await fetch(`${gateway.adminUrl}/-/stats`)).json()) as { upstreamInFlight: number }
    expect(stats.upstreamInFlight).toBe(0)
  })
})
