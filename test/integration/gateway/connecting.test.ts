// Calls that are given up before they have a connection.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openBlackHole } from '../../support/black-hole.ts'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'

/** What a busy machine may add to a limit. */
const TOLERANCE_MS = 500

let hole: Awaited<ReturnType<typeof openBlackHole>>
let gateway: TestGateway
beforeEach(async () => {
  hole = await openBlackHole()
})
afterEach(async () => {
  await gateway.close()
  await hole.close()
})

const start = async (settings: Record<string, string>) => {
  // Node's own limit of a connection, and undici's, are far away.
  const far = { UPSTREAM_CONNECT_MS: '600000', CACHE: 'off', BREAKER_LEAST_CALLS: '1000' }
  gateway = await startGateway({ UPSTREAM_URL: `http://${hole.address}`, ...far, ...settings })
}

/** Connections that this process is opening, the one that filled the black hole among them. */
function connecting(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'ConnectWrap').length
}

describe('a call given up while it connects', () => {
  test('because its client hangs up takes its socket along', async () => {
    await start({ ...PATIENT, GUARDS: 'none' })
    const before = connecting()
    const clients = Array.from({ length: 5 }, (_, id) => {
      const socket = connect(gateway.port, '127.0.0.1')
      socket.write(`GET /proxy/${id} HTTP/1.1\r\nHost: gateway.test\r\n\r\n`)
      return socket
    })
    await eventually(() => expect(connecting()).toBe(before + 5))
    for (const client of clients) client.destroy()
    await eventually(() => expect(connecting()).toBe(before))
    expect((await gateway.counts())['upstream.client-gone']).toBe(5)
  })

  test('because its attempt limit has passed takes its socket along, and says so in time', async () => {
    await start({ ATTEMPT_LIMIT_MS: '100', RETRY_ATTEMPTS: '0' })
    const before = connecting()
    const startedAt = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, id) =>
        fetch(`${gateway.url}/proxy/${id}`, { method: 'POST', body: 'x' }),
      ),
    )
    expect(performance.now() - startedAt).toBeLessThan(100 + TOLERANCE_MS)
    expect(answers.map(({ status }) => status)).toEqual([504, 504, 504, 504, 504])
    await eventually(() => expect(connecting()).toBe(before))
  })

  test('leaves a gateway that closes nothing to wait for', async () => {
    await start({ ...PATIENT, GUARDS: 'none' })
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {})
    socket.write('GET /proxy/x HTTP/1.1\r\nHost: gateway.test\r\n\r\n')
    const before = connecting()
    await eventually(() => expect(connecting()).toBe(before + 1))
    await gateway.close()
    await eventually(() => expect(connecting()).toBe(before))
  })
})

test('UPSTREAM_CONNECT_MS is the last resort where no guard keeps a limit', async () => {
  await start({ GUARDS: 'none', UPSTREAM_CONNECT_MS: '200' })
  const answer = await fetch(`${gateway.url}/proxy/x`)
  expect(answer.status).toBe(502)
  expect(await answer.json()).toMatchObject({ code: 'upstream-unreachable' })
})
