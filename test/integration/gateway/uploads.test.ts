// Request bodies: each at the pace of the slower side, and who is to blame when nothing moves.
import { once } from 'node:events'
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange } from '../../support/gateway-raw.ts'
import { silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { quiet } from '../../support/toxic-lab.ts'

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(echoLength)
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string> = {}) {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, RATE_LIMIT_MAX: '100000', ...settings })
}

/** Answers, once a body is whole, how long it was. */
function echoLength(request: IncomingMessage, response: ServerResponse): void {
  let length = 0
  request.on('data', chunk => {
    length += chunk.length
  })
  request.on('end', () => response.end(String(length)))
}

function upload(headers: Record<string, string> = {}) {
  return httpRequest(`${gateway.url}/proxy/upload`, { method: 'PUT', headers, agent: false }).on(
    'error',
    () => {},
  )
}

async function answerTo(client: ClientRequest) {
  const [answer] = (await once(client, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer) text += chunk
  return { status: answer.statusCode, text, code: /"code":"([^"]*)"/.exec(text)?.[1] }
}

describe('an upload that keeps moving', () => {
  test('has as long as it takes: neither the attempt limit nor the deadline is about the client', async () => {
    await start({ ATTEMPT_LIMIT_MS: '100', DEADLINE_MS: '200', BREAKER_RESET_MS: '200' })
    const client = upload()
    let left = 12
    const drip = setInterval(() => {
      left -= 1
      client.write('x'.repeat(1_000))
      if (left > 0) return
      clearInterval(drip)
      client.end()
    }, 50)
    expect(await answerTo(client)).toMatchObject({ status: 200, text: '12000' })
  })

  test('gives the upstream its full attempt limit from its last byte, and no more', async () => {
    await start({ ATTEMPT_LIMIT_MS: '300', DEADLINE_MS: '5000', BREAKER_RESET_MS: '5000' })
    upstream.answer = silence
    const client = upload()
    client.write('first')
    await eventually(() => expect(upstream.requests.length).toBe(1))
    await quiet(400)
    const endedAt = performance.now()
    client.end('last')
    const answer = await answerTo(client)
    expect([answer.status, answer.code]).toEqual([504, 'attempt-timeout'])
    // Two clocks, each rounded.
    expect(performance.now() - endedAt).toBeGreaterThanOrEqual(299)
    expect(performance.now() - endedAt).toBeLessThan(2_000)
  })
})

describe('an upload that stands still', () => {
  const settings = { ...PATIENT, UPLOAD_IDLE_MS: '200', UPLOAD_LEAST_BYTES: '100', BREAKER_LEAST_CALLS: '1' }

  test('because its client sends nothing is a 408, and no fault of the upstream', async () => {
    await start(settings)
    const client = upload()
    client.write('x'.repeat(1_000))
    expect(await answerTo(client)).toMatchObject({ status: 408, code: 'upload-too-slow' })
    client.destroy()
    upstream.answer = (_request, response) => response.end()
    expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200)
  })

  test('because its client drips is one, too', async () => {
    await start(settings)
    const client = upload()
    const drip = setInterval(() => client.write('x'), 20)
    expect(await answerTo(client)).toMatchObject({ status: 408 })
    clearInterval(drip)
    client.destroy()
  })

  test('because the upstream takes nothing is a 504', async () => {
    await start(settings)
    upstream.answer = request => void request.pause()
    const client = upload()
    client.write(Buffer.alloc(32 * 1024 * 1024))
    expect(await answerTo(client)).toMatchObject({ status: 504, code: 'upstream-stalled' })
    client.destroy()
  })

  test('without any guard ends all the same', async () => {
    await start({ ...settings, GUARDS: 'none' })
    const client = upload()
    client.write('x')
    expect(await answerTo(client)).toMatchObject({ status: 408 })
    client.destroy()
  })
})

describe.each(['all', 'none'])('a slow upstream with GUARDS=%s', guards => {
  test('holds its client back instead of filling the memory', async () => {
    await start({ ...PATIENT, GUARDS: guards, UPLOAD_IDLE_MS: '10000' })
    let arriving: IncomingMessage | undefined
    upstream.answer = (request, response) => {
      arriving = request
      request.pause()
      echoLength(request, response)
      request.pause()
    }
    const total = 64 * 1024 * 1024
    const client = upload({ 'content-length': String(total) })
    let written = 0
    const chunk = Buffer.alloc(65_536)
    const pump = () => {
      while (written < total) {
        written += chunk.length
        if (!client.write(chunk)) return void client.once('drain', pump)
      }
      client.end()
    }
    pump()
    let before = -1
    await eventually(async () => {
      const last = before
      before = written
      await quiet(100)
      expect(written).toBe(last)
    })
    // What the kernel and four sockets hold, and nothing that grows with the body.
    expect(written).toBeLessThan(total / 2)
    arriving?.resume()
    expect(await answerTo(client)).toMatchObject({ status: 200, text: String(total) })
  })
})

describe('an upload that breaks off', () => {
  test.each([
    ['with a length', 'Content-Length: 100\r\n\r\nhalf'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('%s never ends politely at the upstream', async (_what, rest) => {
    await start(PATIENT)
    const endings: string[] = []
    upstream.answer = request => {
      request
        .on('end', () => endings.push('end'))
        .on('error', () => endings.push('error'))
        .resume()
    }
    for (const leave of ['end', 'destroy'] as const) {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => {})
      socket.write(`POST /proxy/x HTTP/1.1\r\nHost: gateway.test\r\n${rest}`)
      const count = upstream.requests.length
      await eventually(() => expect(upstream.requests.length).toBe(count + 1))
      socket[leave]()
      await eventually(() => expect(endings.length).toBe(count + 1))
      socket.destroy()
    }
    expect(endings).toEqual(['error', 'error'])
    expect((await gateway.counts())['requests.internal']).toBeUndefined()
  })
})

describe('an answer before the upload is whole', () => {
  test('reaches its client, and the connection serves the next request once the rest has come', async () => {
    await start(PATIENT)
    upstream.answer = (_request, response) => response.writeHead(403, { connection: 'close' }).end('no')
    const socket = connect(gateway.port, '127.0.0.1')
    let text = ''
    socket.on('data', data => {
      text += data
    })
    socket.write('POST /proxy/x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000000\r\n\r\nbegun')
    await eventually(() => expect(text).toMatch(/^HTTP\/1\.1 403 .*no\r\n0\r\n\r\n$/s))
    socket.write(Buffer.alloc(1_000_000 - 5))
    socket.write('GET /health HTTP/1.1\r\nHost: gateway.test\r\n\r\n')
    await eventually(() => expect(text).toContain('{"status":"ok"}'))
    socket.destroy()
  })

  test('leaves no connection to a client that never sends the rest', async () => {
    await start({ ...PATIENT, UPLOAD_MAX_BYTES: '10' })
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {})
    let text = ''
    socket.on('data', data => {
      text += data
    })
    const closed = once(socket, 'close')
    socket.write('POST /proxy/x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 50)
    await closed
    clearInterval(drip)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe('Expect: 100-continue', () => {
  /** Sends the body only once it is told to. */
  async function ask(path: string) {
    const client = httpRequest(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': '4' },
      agent: false,
    }).on('error', () => {})
    let isAskedFor = false
    client.on('continue', () => {
      isAskedFor = true
      client.end('body')
    })
    client.flushHeaders()
    const answer = await answerTo(client)
    client.destroy()
    return { ...answer, isAskedFor }
  }

  test('is answered when the upstream takes the body', async () => {
    await start(PATIENT)
    expect(await ask('/proxy/x')).toMatchObject({ status: 200, text: '4', isAskedFor: true })
    expect(upstream.requests[0]?.headers.expect).toBeUndefined()
  })

  test.each([
    ['the rate limit', '/proxy/x', { RATE_LIMIT_MAX: '1' }, 429],
    ['a body that is too long', '/proxy/x', { UPLOAD_MAX_BYTES: '3' }, 413],
    ['an unknown route', '/other', {}, 404],
  ])('is not, where the request is refused: %s', async (_what, path, settings, status) => {
    await start({ ...PATIENT, ...settings })
    if (status === 429) await fetch(`${gateway.url}/proxy/x`)
    expect(await ask(path)).toMatchObject({ status, isAskedFor: false })
  })

  test('is not, where there is no upstream to take the body', async () => {
    await start(PATIENT)
    await upstream.refuse()
    expect(await ask('/proxy/x')).toMatchObject({ status: 502, isAskedFor: false })
  })

  test('of HTTP/1.0 is not heard: what it knows nothing of, it is not told', async () => {
    await start(PATIENT)
    const { text } = await rawExchange(
      gateway.port,
      'POST /proxy/x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody',
    )
    expect(text).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\n4$/s)
  })

  test('of anything else is a 417 that says so', async () => {
    await start(PATIENT)
    const answer = await new Promise<string>(resolve => {
      const socket = connect(gateway.port, '127.0.0.1')
      socket.once('data', data => {
        resolve(String(data))
        socket.destroy()
      })
      socket.write('POST /proxy/x HTTP/1.1\r\nHost: g.test\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\nhi')
    })
    expect(answer).toMatch(/^HTTP\/1\.1 417 .*"code":"expectation-failed"/s)
    expect(upstream.requests.length).toBe(0)
  })
})
