// What the gateway holds of bodies that one side sends faster than the other takes them.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT } from '../../support/gateway-app.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { quiet } from '../../support/toxic-lab.ts'

const MB = 1_048_576
const BODY_BYTES = 64 * MB
const BODIES = 20
/** The bodies together are 1,280 MB. */
const MOST_GROWTH_MB = 150

let upstream: TestUpstream
let gateway: GatewayProcess
beforeEach(async () => {
  upstream = await startUpstream()
  gateway = await spawnGateway({
    UPSTREAM_URL: upstream.url,
    UPLOAD_IDLE_MS: '60000',
    LOG_LEVEL: 'silent',
    ...PATIENT,
  })
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function rssMb(): Promise<number> {
  const stats = await fetch(`http://127.0.0.1:${gateway.ports.admin}/-/stats`)
  return ((await stats.json()) as { rssMb: number }).rssMb
}

/** Writes as much as goes. */
function pour(sink: NodeJS.WritableStream, onWritten: (bytes: number) => void): void {
  const chunk = Buffer.alloc(65_536)
  let left = BODY_BYTES
  const pump = () => {
    while (left > 0) {
      left -= chunk.length
      onWritten(chunk.length)
      if (!sink.write(chunk)) return void sink.once('drain', pump)
    }
    sink.end()
  }
  pump()
}

async function whenStill(value: () => number): Promise<void> {
  let before = -1
  await eventually(async () => {
    const last = before
    before = value()
    await quiet(200)
    expect(value()).toBe(last)
  })
}

describe('memory stays bounded', () => {
  test('however slowly clients read long answers', async () => {
    let written = 0
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': String(BODY_BYTES) })
      pour(response, bytes => {
        written += bytes
      })
    }
    await (await fetch(`http://127.0.0.1:${gateway.ports.http}/health`)).text()
    const before = await rssMb()
    const clients = Array.from({ length: BODIES }, (_, id) => {
      const client = httpRequest(`http://127.0.0.1:${gateway.ports.http}/proxy/${id}`, { agent: false })
      client.on('response', answer => answer.on('error', () => {}).pause()).on('error', () => {})
      return client.end()
    })
    await eventually(() => expect(upstream.requests.length).toBe(BODIES))
    await whenStill(() => written)
    expect((await rssMb()) - before).toBeLessThan(MOST_GROWTH_MB)
    for (const client of clients) client.destroy()
  })

  test('however slowly the upstream takes long uploads', async () => {
    let written = 0
    upstream.answer = (request: IncomingMessage) => void request.on('error', () => {}).pause()
    await (await fetch(`http://127.0.0.1:${gateway.ports.http}/health`)).text()
    const before = await rssMb()
    const clients = Array.from({ length: BODIES }, (_, id) => {
      const url = `http://127.0.0.1:${gateway.ports.http}/proxy/${id}`
      const headers = { 'content-length': String(BODY_BYTES) }
      const client = httpRequest(url, { method: 'PUT', headers, agent: false }).on('error', () => {})
      pour(client, bytes => {
        written += bytes
      })
      return client
    })
    await eventually(() => expect(upstream.requests.length).toBe(BODIES))
    await whenStill(() => written)
    expect((await rssMb()) - before).toBeLessThan(MOST_GROWTH_MB)
    for (const client of clients) client.destroy()
  })
})
