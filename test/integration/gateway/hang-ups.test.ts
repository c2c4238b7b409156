import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT } from '../../support/gateway-app.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
let gateway: GatewayProcess
beforeEach(async () => {
  upstream = await startUpstream((request, response) => {
    request.on('error', () => {}).resume()
    response.writeHead(200, {
      'content-type': request.url?.includes('stream') ? 'text/event-stream' : 'text/plain',
    })
    let left = 20
    const flow = setInterval(() => {
      left -= 1
      if (left === 0) response.end()
      else response.write('x'.repeat(30_000))
    }, 2)
    response.on('close', () => clearInterval(flow))
  })
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

/** Asks and hangs up after so long, wherever the answer is by then. */
function hangUp(path: string, method: string, afterMs: number): Promise<void> {
  return new Promise(resolve => {
    const url = `http://127.0.0.1:${gateway.ports.http}${path}`
    const client = httpRequest(url, { method, agent: false }, answer => answer.on('error', () => {}).resume())
    client.on('error', () => {})
    client.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    const timer = setTimeout(() => client.destroy(), afterMs)
    if (method === 'POST') client.write('x'.repeat(10_000))
    if (method === 'GET') client.end()
  })
}

describe.each(['all', 'none'])('clients that hang up at any moment, with GUARDS=%s', guards => {
  test('leave no call behind, and the process whole', async () => {
    gateway = await spawnGateway({
      UPSTREAM_URL: upstream.url,
      GUARDS: guards,
      RATE_LIMIT_MAX: '100000',
      ...PATIENT,
    })
    for (let round = 0; round < 5; round += 1) {
      const clients = Array.from({ length: 40 }, (_, index) =>
        hangUp(
          `/proxy/${index % 2 === 0 ? 'stream' : 'whole'}/${index % 7}`,
          index % 5 === 0 ? 'POST' : 'GET',
          index,
        ),
      )
      await Promise.all(clients)
    }
    const stats = async () => {
      const answer = await fetch(`http://127.0.0.1:${gateway.ports.admin}/-/stats`)
      return (await answer.json()) as { upstreamInFlight: number; counts: Record<string, number> }
    }
    await eventually(async () => expect((await stats()).upstreamInFlight).toBe(0))
    const { counts } = await stats()
    expect(counts['requests.internal']).toBeUndefined()
    expect(counts['breaker.refused']).toBeUndefined()
    const answer = await fetch(`http://127.0.0.1:${gateway.ports.http}/proxy/whole/last`)
    expect((await answer.text()).length).toBe(19 * 30_000)
    expect(gateway.child.exitCode).toBeNull()
  })
})
