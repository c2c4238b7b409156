import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange, rawGet } from '../../support/gateway-raw.ts'
import { json, silence, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

let upstream: TestUpstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

let gateway: TestGateway

/** Starts it before each test of a group and closes it after. */
function useGateway(settings: Record<string, string>): void {
  beforeEach(async () => {
    gateway = await startGateway({
      UPSTREAM_URL: upstream.url,
      RATE_LIMIT_MAX: '100000',
      ...PATIENT,
      ...settings,
    })
  })
  afterEach(() => gateway.close())
}

/** The same proxy with every guard and with none: what a guard does to a body must not show. */
const BOTH = ['all', 'none']

describe.each(BOTH)('answers through the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('passes status, fields and body as the upstream sent them', async () => {
    upstream.answer = (_request, response) => {
      response.writeHead(418, ['X-Kind', 'tea', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'ETag', '"v1"'])
      response.end('short and stout')
    }
    const answer = await fetch(`${gateway.url}/proxy/pot`)
    expect(answer.status).toBe(418)
    expect(answer.headers.get('x-kind')).toBe('tea')
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(answer.headers.get('etag')).toBe('"v1"')
    expect(await answer.text()).toBe('short and stout')
  })

  test('takes every method that HTTP/1.1 parsers know, but those that are about the connection', async () => {
    const methods = METHODS.filter(method => method !== 'CONNECT' && method !== 'TRACE')
    upstream.answer = (request, response) => response.end(request.method)
    const host = `Host: gateway.test\r\nConnection: close`
    const answers = await Promise.all(
      methods.map(method => rawExchange(gateway.port, `${method} /proxy/x HTTP/1.1\r\n${host}\r\n\r\n`)),
    )
    expect(answers.map(({ status }, index) => `${methods[index]} ${status}`)).toEqual(
      methods.map(method => `${method} 200`),
    )
    expect(upstream.requests.map(({ method }) => method).sort()).toEqual([...methods].sort())
  })
})

describe.each(BOTH)('bodies through the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('streams a long request body both ways without changing a byte', async () => {
    upstream.answer = (request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      request.pipe(response)
    }
    const body = Buffer.alloc(3_000_000, 'leeward ')
    const answer = await fetch(`${gateway.url}/proxy/echo`, { method: 'POST', body })
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true)
    expect(upstream.requests[0]?.headers['content-length']).toBe('3000000')
  })

  test('takes bodies of any content type, valid or not, as they are', async () => {
    upstream.answer = (request, response) => void request.pipe(response)
    for (const type of ['application/json', 'text/plain', 'not a type', 'a/b; c']) {
      const answer = await fetch(`${gateway.url}/proxy/echo`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{"broken":',
      })
      expect([answer.status, await answer.text()]).toEqual([200, '{"broken":'])
    }
  })

  test('lets server-sent events through one by one', async () => {
    let more: ServerResponse | undefined
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
      more = response
    }
    const answer = await fetch(`${gateway.url}/proxy/events`)
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader.read()).value).toBe('data: one\n\n')
    more?.write('data: two\n\n')
    expect((await reader.read()).value).toBe('data: two\n\n')
    await reader.cancel()
    await eventually(() => expect(more?.destroyed).toBe(true))
  })
})

describe.each(BOTH)('fields through the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('strips hop-by-hop fields, and those named in Connection, from the request', async () => {
    const answer = await rawGet(gateway.port, '/proxy/x', [
      'Connection: X-Secret-Hop, keep-alive',
      'X-Secret-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic Zm9v',
      'TE: trailers',
      'Trailer: X-Later',
      'X-Kept: yes',
      'X-Forwarded-For: 6.6.6.6',
    ])
    expect(answer.status).toBe(200)
    const { headers } = upstream.requests[0]!
    delete headers['x-request-timeout-ms']
    expect(Object.keys(headers).sort()).toEqual([
      ...['connection', 'host', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-kept'],
    ])
    expect(headers['x-forwarded-for']).toBe('127.0.0.1')
    expect(headers.host).toBe(`127.0.0.1:${upstream.port}`)
  })

  test('strips what names another target than the one under which the answer is kept', async () => {
    const fields = ['X-Original-URL: /admin', 'X-Rewrite-URL: /admin']
    expect((await rawGet(gateway.port, '/proxy/x', fields)).status).toBe(200)
    const { url, headers } = upstream.requests[0]!
    expect(url).toBe('/x')
    expect(JSON.stringify(headers)).not.toMatch(/admin|x-original|x-rewrite/)
  })

  test('strips hop-by-hop fields, and those named in Connection, from the answer', async () => {
    upstream.answer = (_request, response) => {
      response.writeHead(200, [
        ...['Connection', 'X-Private-Hop', 'X-Private-Hop', '1', 'Keep-Alive', 'timeout=77'],
        ...['Proxy-Authenticate', 'Basic', 'Trailer', 'X-Later', 'X-Kept', 'yes'],
      ])
      response.end('ok')
    }
    const { text } = await rawGet(gateway.port, '/proxy/x')
    expect(text).toContain('x-kept: yes')
    expect(text).not.toMatch(/x-private-hop|timeout=77|proxy-authenticate|x-later/i)
  })

  test.each([
    'Expect: 100-continue',
    'TE: trailers, deflate',
    'Upgrade: h2c',
    'Connection: Upgrade\r\nUpgrade: websocket',
    'Keep-Alive: timeout=5, max=100',
    'Connection: close, te\r\nTE: gzip',
  ])('%s from a client never becomes a failure', async field => {
    const answer = await rawGet(gateway.port, '/proxy/x', [field])
    expect(answer.text).toMatch(/HTTP\/1\.1 200 OK/)
  })

  test('Transfer-Encoding is framed anew, and an ambiguous length is refused', async () => {
    upstream.answer = (request, response) => void request.pipe(response)
    const head = 'POST /proxy/x HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n'
    const chunked = await rawExchange(
      gateway.port,
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    )
    expect(chunked.status).toBe(200)
    expect(chunked.text).toContain('hello')
    const both = await rawExchange(
      gateway.port,
      `${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    )
    expect(both.status).toBe(400)
    expect(upstream.requests.length).toBe(1)
  })
})

describe.each(BOTH)('answers without the usual body, through the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('an early answer reaches a client that is still sending', async () => {
    upstream.answer = (_request, response) => response.writeHead(413, { connection: 'close' }).end('too long')
    const client = httpRequest(`${gateway.url}/proxy/upload`, { method: 'PUT' })
    client.on('error', () => {})
    client.write('the first of many')
    const [answer] = (await once(client, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(413)
    client.destroy()
  })

  test('a HEAD is answered without a body and with the length of what it would be', async () => {
    upstream.answer = (_request, response) => response.writeHead(200, { 'content-length': '1234' }).end()
    const answer = await fetch(`${gateway.url}/proxy/x`, { method: 'HEAD' })
    expect(answer.headers.get('content-length')).toBe('1234')
    expect(await answer.text()).toBe('')
  })

  test('a 204 has no length', async () => {
    upstream.answer = (_request, response) => response.writeHead(204).end()
    const answer = await rawGet(gateway.port, '/proxy/x')
    expect(answer.status).toBe(204)
    expect(answer.text).not.toMatch(/content-length|transfer-encoding/i)
  })
})

describe.each(BOTH)('connections that break off, through the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('a client that hangs up ends the upstream call', async () => {
    const closed: boolean[] = []
    upstream.answer = (_request, response) => {
      response.on('close', () => closed.push(response.writableFinished))
    }
    const client = httpRequest(`${gateway.url}/proxy/slow`).on('error', () => {})
    client.end()
    await eventually(() => expect(upstream.requests.length).toBe(1))
    client.destroy()
    await eventually(() => expect(closed).toEqual([false]))
  })

  test('a client that hangs up in the middle of its upload ends the upstream call', async () => {
    let isEnded = false
    upstream.answer = request => {
      request.on('error', () => {
        isEnded = true
      })
      request.resume()
    }
    const client = httpRequest(`${gateway.url}/proxy/upload`, { method: 'POST' }).on('error', () => {})
    client.write('a beginning')
    await eventually(() => expect(upstream.requests.length).toBe(1))
    client.destroy()
    await eventually(() => expect(isEnded).toBe(true))
  })

  test('an upstream that dies in the middle of a streamed answer resets the client', async () => {
    let begun: ServerResponse | undefined
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
      begun = response
    }
    const answer = await fetch(`${gateway.url}/proxy/events`)
    const reader = answer.body!.getReader()
    await reader.read()
    begun?.destroy()
    await expect(reader.read()).rejects.toThrow()
  })
})

describe.each(BOTH)('a slow client of the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('a slow client holds the upstream back instead of filling the memory', async () => {
    const total = 64 * 1024 * 1024
    let written = 0
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': String(total), 'cache-control': 'no-store' })
      const chunk = Buffer.alloc(65_536)
      const pump = () => {
        while (written < total) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', pump)
        }
        response.end()
      }
      pump()
    }
    const client = httpRequest(`${gateway.url}/proxy/big`)
    client.end()
    const [answer] = (await once(client, 'response')) as [IncomingMessage]
    answer.pause()
    let last = -1
    await eventually(async () => {
      const before = last
      last = written
      await new Promise(resolve => setTimeout(resolve, 100))
      expect(written).toBe(before)
    })
    expect(written).toBeLessThan(total / 2)
    let length = 0
    for await (const chunk of answer) length += chunk.length
    expect(length).toBe(total)
  })
})

describe.each(BOTH)('an upstream that is not there, behind the proxy with GUARDS=%s', guards => {
  useGateway({ GUARDS: guards })

  test('an upstream that refuses is a 502 that says so', async () => {
    await upstream.refuse()
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect(answer.status).toBe(502)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('cache-status')).toMatch(/^leeward; fwd=/)
    expect(await answer.json()).toEqual({
      type: 'urn:leeward:problem:upstream-unreachable',
      title: 'The upstream refuses connections',
      status: 502,
      detail: 'no connection: ECONNREFUSED',
      code: 'upstream-unreachable',
    })
  })

  test('an upstream that resets before it answers is a 502 upstream-reset', async () => {
    upstream.answer = request => request.socket.resetAndDestroy()
    const answer = await fetch(`${gateway.url}/proxy/x`, { method: 'POST' })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, 'upstream-reset'])
  })
})

describe('an upstream that does not keep to HTTP', () => {
  let server: Server
  let bytes = ''
  beforeEach(async () => {
    server = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(bytes, 'latin1'))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    gateway = await startGateway({ UPSTREAM_URL: `http://127.0.0.1:${port}`, RETRY_ATTEMPTS: '0' })
  })
  afterEach(async () => {
    await gateway.close()
    server.close()
  })

  test.each([
    ['SSH-2.0-OpenSSH_9.2\r\n', 'upstream-malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 'upstream-malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this', 'upstream-reset'],
    ['HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nonly this', 'upstream-reset'],
    ['', 'upstream-reset'],
  ])('%j is a 502 %s, not a broken gateway', async (answerBytes, code) => {
    bytes = answerBytes
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, code])
  })

  test('an informational answer is not taken for the answer', async () => {
    bytes = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const answer = await fetch(`${gateway.url}/proxy/x`)
    expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  })
})

describe('a refused upstream under a burst', () => {
  test('leaves the process whole and answers every request', async () => {
    await upstream.refuse()
    gateway = await startGateway({ UPSTREAM_URL: upstream.url, RATE_LIMIT_MAX: '100000' })
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => fetch(`${gateway.url}/proxy/${index}`)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([502, 503]))
    await upstream.recover()
    upstream.answer = json('back')
    await eventually(async () => expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200))
    await gateway.close()
  })
})

test('a slow upload is the client’s doing: 408, and the breaker does not count it', async () => {
  gateway = await startGateway({
    UPSTREAM_URL: upstream.url,
    BREAKER_LEAST_CALLS: '1',
    UPLOAD_IDLE_MS: '200',
  })
  upstream.answer = silence
  const client = httpRequest(`${gateway.url}/proxy/upload`, { method: 'PUT' }).on('error', () => {})
  client.write('the first of a few')
  const [answer] = (await once(client, 'response')) as [IncomingMessage]
  expect(answer.statusCode).toBe(408)
  client.destroy()
  upstream.answer = json('fine')
  expect((await fetch(`${gateway.url}/proxy/x`)).status).toBe(200)
  await gateway.close()
})

describe('a streamed answer', () => {
  useGateway({ STREAM_IDLE_MS: '200', STREAM_LEAST_BYTES: '10', DEADLINE_MS: '600' })
  const stream = (write: (response: ServerResponse) => void) => {
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: first of all\n\n')
      write(response)
    }
  }

  test('that stops is broken off, and the client sees it', async () => {
    stream(() => {})
    const answer = await fetch(`${gateway.url}/proxy/events`)
    await expect(answer.text()).rejects.toThrow()
    expect((await gateway.counts())['upstream.upstream-stalled']).toBe(1)
  })

  test('that drips fewer bytes than the least is broken off', async () => {
    stream(response => {
      const drip = setInterval(() => response.write('.'), 50)
      response.on('close', () => clearInterval(drip))
    })
    const answer = await fetch(`${gateway.url}/proxy/events`)
    await expect(answer.text()).rejects.toThrow()
  })

  test('whose client takes nothing is broken off, and the upstream call with it', async () => {
    stream(response => {
      const flood = () => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', flood)
      }
      flood()
    })
    const client = httpRequest(`${gateway.url}/proxy/events`).on('error', () => {})
    client.end()
    const [answer] = (await once(client, 'response')) as [IncomingMessage]
    answer.on('error', () => {}).pause()
    await eventually(async () => expect((await gateway.counts())['upstream.client-gone']).toBe(1))
    client.destroy()
  })

  test('that goes on outlives the deadline', async () => {
    stream(response => {
      let left = 20
      const flow = setInterval(() => {
        left -= 1
        response.write('data: another one\n\n')
        if (left === 0) clearInterval(flow)
        if (left === 0) response.end()
      }, 40)
    })
    const answer = await fetch(`${gateway.url}/proxy/events`)
    expect((await answer.text()).split('\n\n').length).toBe(22)
  })
})

describe('with UPSTREAM_HOST', () => {
  useGateway({ UPSTREAM_HOST: 'areas.example:8080' })

  test('the upstream is asked for that host, wherever it is', async () => {
    await fetch(`${gateway.url}/proxy/x`)
    expect(upstream.requests[0]?.headers.host).toBe('areas.example:8080')
  })
})
