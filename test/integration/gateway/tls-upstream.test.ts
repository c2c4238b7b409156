// An upstream behind TLS.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { dialTcp, listenTcp } from '../../support/tcp.ts'

/** Of localhost, until the year 2126; nobody trusts it but these tests. */
const TLS = join(import.meta.dirname, '../../support/tls')
const CERTIFICATE = join(TLS, 'certificate.pem')

let upstream: Server
let gateway: GatewayProcess
const connections = new Set<Socket>()
beforeEach(async () => {
  const identity = { key: readFileSync(join(TLS, 'key.pem')), cert: readFileSync(CERTIFICATE) }
  upstream = createServer(identity, (request, response) => void request.pipe(response))
  upstream.on('secureConnection', socket => {
    connections.add(socket)
    socket.on('error', () => {}).on('close', () => connections.delete(socket))
  })
  upstream.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    socket.on('error', () => {}).pipe(socket)
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
})
afterEach(async () => {
  await gateway.close()
  for (const socket of connections) socket.destroy()
  upstream.close()
})

async function start(settings: Record<string, string> = {}) {
  const { port } = upstream.address() as AddressInfo
  const trust = { NODE_EXTRA_CA_CERTS: CERTIFICATE, UPGRADES: 'websocket', GUARDS: 'none' }
  gateway = await spawnGateway({ UPSTREAM_URL: `https://localhost:${port}`, ...trust, ...settings })
}

const url = (path: string) => `http://127.0.0.1:${gateway.ports.http}${path}`
const handshake = 'GET /proxy/x HTTP/1.1\r\nHost: g.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

describe('an upstream behind TLS', () => {
  test('is asked and answered as any other', async () => {
    await start()
    const answer = await fetch(url('/proxy/x'), { method: 'POST', body: 'hello' })
    expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
  })

  test('whose certificate nobody vouches for is a 502', async () => {
    await start({ NODE_EXTRA_CA_CERTS: '' })
    const answer = await fetch(url('/proxy/x'))
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      502,
      'upstream-unreachable',
    ])
  })

  test('takes tunnels, and a client’s reset ends them with the process whole', async () => {
    await start()
    const client = await dialTcp(`127.0.0.1:${gateway.ports.http}`)
    client.socket.write(`${handshake}hello`)
    await eventually(() => expect(String(client.received())).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\nhello$/s))
    expect(connections.size).toBe(1)
    client.socket.resetAndDestroy()
    await eventually(() => expect(connections.size).toBe(0))
    expect((await fetch(url('/health'))).status).toBe(200)
  })

  test('that never ends its handshake is given up with its socket', async () => {
    const silent = await listenTcp()
    await start({
      UPSTREAM_URL: `https://${silent.address}`,
      GUARDS: 'attempt-limit',
      ATTEMPT_LIMIT_MS: '200',
      UPSTREAM_CONNECT_MS: '600000',
    })
    expect((await fetch(url('/proxy/x'))).status).toBe(504)
    await eventually(() => expect(silent.ends[0]?.ending).toBeDefined())
    await silent.close()
  })
})
