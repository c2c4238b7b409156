// Requests that attack, byte for byte, and what of them reached the upstream.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange } from '../../support/gateway-raw.ts'
import { type RawUpstream, startRawUpstream, timeless } from '../../support/gateway-raw-upstream.ts'

let upstream: RawUpstream
let gateway: TestGateway

async function start(settings: Record<string, string> = {}) {
  gateway = await startGateway({
    ...{
      UPSTREAM_URL: upstream.url,
      VIA_NAME: 'here',
      CACHE: 'off',
      RATE_LIMIT_MAX: '100000',
      HEADER_MS: '400',
    },
    ...PATIENT,
    ...settings,
  })
}
beforeEach(async () => {
  upstream = await startRawUpstream()
  await start()
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const HOST = 'Host: gateway.test\r\n'
const CLOSE = 'Connection: close\r\n'

/** A request on one connection that ends with it. */
function send(line: string, fields: string, body = '') {
  return rawExchange(gateway.port, `${line}\r\n${fields}\r\n${body}`)
}

/** What the upstream gets of a request whose own fields are these. */
function forwarded(line: string, { via = '1.1', more = '', host = true } = {}): string {
  return [
    `${line} HTTP/1.1\r\nhost: 127.0.0.1:${upstream.port}\r\nconnection: keep-alive\r\n`,
    `x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n`,
    host ? 'x-forwarded-host: gateway.test\r\n' : '',
    `via: ${via} here\r\n${more}`,
  ].join('')
}

const POST = 'POST /proxy/x HTTP/1.1'
const GET = 'GET /proxy/x HTTP/1.1'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

describe('a body of doubtful length', () => {
  const smuggled = '0\r\n\r\nGET /proxy/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n'
  test.each([
    ['Content-Length and Transfer-Encoding', `Content-Length: 5\r\n${CHUNKED}`, smuggled, 400],
    ['Transfer-Encoding and Content-Length', `${CHUNKED}Content-Length: 5\r\n`, smuggled, 400],
    ['a coding that is none', 'Transfer-Encoding: xchunked\r\n', smuggled, 501],
    ['a space before the colon', 'Transfer-Encoding : chunked\r\n', smuggled, 400],
    ['a vertical tab before the coding', 'Transfer-Encoding: \x0bchunked\r\n', smuggled, 400],
    ['a coding on a folded line', 'Transfer-Encoding:\r\n chunked\r\n', smuggled, 400],
    ['a coding in quotes', 'Transfer-Encoding: "chunked"\r\n', smuggled, 501],
    ['two codings in two fields', `${CHUNKED}Transfer-Encoding: identity\r\n`, smuggled, 400],
    ['chunked, then another', 'Transfer-Encoding: chunked, identity\r\n', smuggled, 400],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n', smuggled, 400],
    ['gzip, then chunked', 'Transfer-Encoding: gzip, chunked\r\n', smuggled, 501],
    ['identity, then chunked', 'Transfer-Encoding: identity, chunked\r\n', smuggled, 501],
    ['the same length twice', 'Content-Length: 3\r\nContent-Length: 3\r\n', 'abc', 400],
    ['two lengths', 'Content-Length: 3\r\nContent-Length: 30\r\n', 'abc', 400],
    ['a list of lengths', 'Content-Length: 3, 3\r\n', 'abc', 400],
    ['a length with a sign', 'Content-Length: +3\r\n', 'abc', 400],
    ['a negative length', 'Content-Length: -3\r\n', 'abc', 400],
    ['a length in hexadecimal', 'Content-Length: 0x3\r\n', 'abc', 400],
    ['a length past every number', 'Content-Length: 99999999999999999999\r\n', 'abc', 400],
    ['an empty length', 'Content-Length:\r\n', 'abc', 400],
    ['a length with a space', 'Content-Length: 3 0\r\n', 'abc', 400],
  ])('%s is refused, and nothing after it is taken for a request', async (_what, fields, body, status) => {
    const answer = await send(POST, HOST + fields, body)
    expect(answer.status).toBe(status)
    expect(answer.text.match(/HTTP\/1\.1 /g)?.length).toBe(1)
    expect(answer.text).toContain('application/problem+json')
    expect(upstream.received()).toBe('')
  })

  test('Transfer-Encoding in HTTP/1.0 is refused', async () => {
    const answer = await send(
      'POST /proxy/x HTTP/1.0',
      `${HOST}Connection: keep-alive\r\n${CHUNKED}`,
      smuggled,
    )
    expect([answer.status, answer.text.match(/HTTP\/1\.1 /g)?.length]).toEqual([400, 1])
    expect(upstream.received()).toBe('')
  })

  test.each([
    ['a bare LF after a chunk size', '3\nabc\r\n0\r\n\r\n'],
    ['a bare LF in a chunk extension', '3;a\nabc\r\n0\r\n\r\n'],
    ['a chunk size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a chunk size past every number', `${'f'.repeat(17)}\r\nabc`],
    ['a chunk longer than its size', '3\r\nabcdef\r\n0\r\n\r\n'],
    ['a length among the trailers', '3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n'],
  ])('%s breaks the upload off', async (_what, body) => {
    const answer = await send(POST, HOST + CHUNKED, body)
    expect(answer.status).toBe(400)
    // What had come before it may be on its way, but never as a whole body.
    expect(upstream.received()).not.toMatch(/\r\n0\r\n|content-length/i)
    await eventually(() => expect(upstream.ends.every(({ ending }) => ending !== undefined)).toBe(true))
  })
})

describe('a body of certain length is framed anew', () => {
  test.each([
    [
      'chunks with extensions',
      CHUNKED,
      '3;a="b"\r\nabc\r\n0\r\n\r\n',
      'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['a coding after a tab', 'Transfer-Encoding:\tchunked\r\n', '0\r\n\r\n', 'content-length: 0\r\n\r\n'],
    ['a coding in capitals', 'TRANSFER-ENCODING: CHUNKED\r\n', '0\r\n\r\n', 'content-length: 0\r\n\r\n'],
    ['a length with zeros before it', 'Content-Length: 003\r\n', 'abc', 'content-length: 3\r\n\r\nabc'],
    ['a length of 00', 'Content-Length: 00\r\n', '', 'content-length: 0\r\n\r\n'],
  ])('%s', async (_what, fields, body, rest) => {
    const answer = await send(POST, HOST + CLOSE + fields, body)
    expect(answer.status).toBe(200)
    expect(timeless(upstream.received())).toBe(forwarded('POST /x', { more: rest }))
  })

  test('trailers of a request are dropped: they become neither fields nor body', async () => {
    const answer = await send(
      POST,
      HOST + CLOSE + CHUNKED,
      '3\r\nabc\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n',
    )
    expect(answer.status).toBe(200)
    expect(timeless(upstream.received())).toBe(
      forwarded('POST /x', { more: 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' }),
    )
  })

  test('a GET with a body takes its connection along, whatever the upstream makes of the body', async () => {
    const answer = await send(GET, `${HOST}${CLOSE}Content-Length: 3\r\n`, 'abc')
    expect(answer.status).toBe(200)
    await eventually(() => expect(upstream.ends[0]?.ending).toBeDefined())
    expect(upstream.received()).toContain('content-length: 3\r\n\r\nabc')
  })
})

describe('a header that is not one', () => {
  test.each([
    ['bare LFs', 'GET /proxy/x HTTP/1.1\nHost: gateway.test\n\n'],
    ['one bare LF', `${GET}\r\nHost: gateway.test\nX-A: b\r\n\r\n`],
    ['a bare CR in a value', `${GET}\r\n${HOST}X-A: a\rb\r\n\r\n`],
    ['a NUL in a value', `${GET}\r\n${HOST}X-A: a\0b\r\n\r\n`],
    ['a NUL in a name', `${GET}\r\n${HOST}X-A\0: a\r\n\r\n`],
    ['a control byte in a value', `${GET}\r\n${HOST}X-A: a\x01b\r\n\r\n`],
    ['a DEL in a value', `${GET}\r\n${HOST}X-A: a\x7fb\r\n\r\n`],
    ['a space before a colon', `${GET}\r\n${HOST}X-A : a\r\n\r\n`],
    ['a folded line', `${GET}\r\n${HOST}X-A: a\r\n b\r\n\r\n`],
    ['a folded first line', `${GET}\r\n X-A: a\r\n${HOST}\r\n`],
    ['a field without a name', `${GET}\r\n${HOST}: v\r\n\r\n`],
    ['a method in small letters', `get /proxy/x HTTP/1.1\r\n${HOST}\r\n`],
    ['a method that nobody knows', `FETCH /proxy/x HTTP/1.1\r\n${HOST}\r\n`],
    ['tabs between the words', `GET\t/proxy/x\tHTTP/1.1\r\n${HOST}\r\n`],
    ['HTTP/1.2', `GET /proxy/x HTTP/1.2\r\n${HOST}\r\n`],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['the hello of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['bytes in the target past ASCII', `GET /proxy/\xe9 HTTP/1.1\r\n${HOST}\r\n`],
  ])('%s: 400, and nothing reaches the upstream', async (_what, request) => {
    const answer = await rawExchange(gateway.port, request)
    expect(answer.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer.text).toContain('application/problem+json')
    expect(upstream.received()).toBe('')
  })

  test.each([
    ['HTTP/0.9', 'GET /proxy/x\r\n\r\n'],
    ['HTTP/0.9 by its number', `GET /proxy/x HTTP/0.9\r\n${HOST}\r\n`],
    ['HTTP/2.0 in the clothes of 1.1', `GET /proxy/x HTTP/2.0\r\n${HOST}${CLOSE}\r\n`],
  ])('%s: 505', async (_what, request) => {
    expect((await rawExchange(gateway.port, request)).status).toBe(505)
    expect(upstream.received()).toBe('')
  })

  test('HTTP/1.0 is served without a Host, and its connection ends', async () => {
    const answer = await send('GET /proxy/x HTTP/1.0', '')
    expect(answer.status).toBe(200)
    expect(timeless(upstream.received())).toBe(forwarded('GET /x', { via: '1.0', host: false, more: '\r\n' }))
  })
})

describe('the Host field', () => {
  test.each([
    ['missing', ''],
    ['twice', `${HOST}Host: other.test\r\n`],
    ['twice the same', HOST + HOST],
    ['a list', 'Host: gateway.test, other.test\r\n'],
    ['with a path', 'Host: gateway.test/admin\r\n'],
    ['with a user', 'Host: gateway.test@evil.test\r\n'],
    ['with a space', 'Host: gateway test\r\n'],
    ['with a port that is none', 'Host: gateway.test:http\r\n'],
  ])('%s: 400 that says so', async (_what, fields) => {
    for (const path of ['/proxy/x', '/health', '/aggregate/areas']) {
      const answer = await send(`GET ${path} HTTP/1.1`, fields + CLOSE)
      expect(answer.status).toBe(400)
      expect(answer.text).toMatch(/"code":"bad-request"/)
      expect(answer.text).toMatch(/the Host field/)
    }
    expect(upstream.received()).toBe('')
  })

  test.each(['gateway.test:8080', '127.0.0.1', '[::1]:8080', 'under_score.test', ''])(
    '%j is accepted',
    async host => {
      expect((await send(GET, `Host: ${host}\r\n${CLOSE}`)).status).toBe(200)
    },
  )
})

describe('a target of another kind', () => {
  test('CONNECT: 405', async () => {
    const answer = await send('CONNECT evil.test:443 HTTP/1.1', 'Host: evil.test:443\r\n')
    expect(answer.text).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\nAllow: GET, /)
    expect(upstream.received()).toBe('')
  })

  test('TRACE: 405, for it would show the client what was added on the way', async () => {
    const answer = await send('TRACE /proxy/x HTTP/1.1', HOST + CLOSE)
    expect([answer.status, /\r\nAllow: GET, /.test(answer.text)]).toEqual([405, true])
    expect(upstream.received()).toBe('')
  })

  test.each([
    'GET http://evil.test/proxy/x HTTP/1.1',
    'GET http://gateway.test.evil.test/proxy/x HTTP/1.1',
    'GET http://gateway.test@evil.test/proxy/x HTTP/1.1',
    'GET http://user@gateway.test/proxy/x HTTP/1.1',
    'GET http://gateway.test:80/proxy/x HTTP/1.1',
    'GET https://gateway.test/proxy/x HTTP/1.1',
    'GET http://gateway.test//evil.test/proxy/x HTTP/1.1',
    'GET http://gateway.test/proxy//evil.test/x HTTP/1.1',
    'GET http://gateway.test/proxy/../admin HTTP/1.1',
    'GET http://gateway.test/proxy/x#y HTTP/1.1',
    'GET http:///proxy/x HTTP/1.1',
    'GET //evil.test/proxy/x HTTP/1.1',
    'GET /proxy//evil.test/x HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET proxy/x HTTP/1.1',
    'GET ?x HTTP/1.1',
  ])('%s: 400, and nothing reaches the upstream', async line => {
    expect((await send(line, HOST + CLOSE)).status).toBe(400)
    expect(upstream.received()).toBe('')
  })

  test.each(['http://gateway.test/proxy/x', 'HTTP://gateway.test/proxy/x'])(
    '%s is the path alone, where it names the host that the request is for',
    async target => {
      const answer = await send(`GET ${target} HTTP/1.1`, HOST + CLOSE)
      expect(answer.status).toBe(200)
      expect(timeless(upstream.received())).toBe(forwarded('GET /x', { more: '\r\n' }))
    },
  )

  test('a URL of the host without a path is that of "/"', async () => {
    for (const target of ['http://gateway.test', 'http://gateway.test?x=/proxy/x'])
      expect((await send(`GET ${target} HTTP/1.1`, HOST + CLOSE)).status).toBe(404)
    expect(upstream.received()).toBe('')
  })

  test.each([
    ['no Host', ''],
    ['an empty Host', 'Host:\r\n'],
    ['a Host that goes on into the path', 'Host: gateway.test/proxy\r\n'],
    ['two Hosts', `${HOST}Host: evil.test\r\n`],
  ])('a URL is no path where the request has %s', async (_what, host) => {
    for (const version of ['1.0', '1.1']) {
      const answer = await send(`GET http://gateway.test/proxy/x HTTP/${version}`, host + CLOSE)
      expect(answer.status).toBe(400)
    }
    expect(upstream.received()).toBe('')
  })

  test('"/proxy/http://elsewhere" is a path of the upstream like any other', async () => {
    const answer = await send('GET /proxy/http://evil.test/x HTTP/1.1', HOST + CLOSE)
    expect(answer.status).toBe(200)
    expect(timeless(upstream.received())).toBe(forwarded('GET /http://evil.test/x', { more: '\r\n' }))
  })
})

describe('floods', () => {
  test('a hundred fields pass, one more is 431', async () => {
    const most = 'X-A: 1\r\n'.repeat(98)
    expect((await send(GET, HOST + CLOSE + most)).status).toBe(200)
    const answer = await send(GET, `${HOST}${CLOSE}${most}X-A: 1\r\n`)
    expect([answer.status, answer.text.includes('more than 100 fields')]).toEqual([431, true])
    expect(upstream.ends.length).toBe(1)
  })

  test('fields past every limit hide nothing: neither Host nor length is lost among them', async () => {
    const answer = await send(POST, `${'a:\r\n'.repeat(2_500)}${HOST}Content-Length: 3\r\n`, 'abc')
    expect(answer.status).toBe(431)
    expect(upstream.received()).toBe('')
  })

  test.each([
    ['one field', `X-A: ${'a'.repeat(20_000)}\r\n`],
    ['many fields', 'X-A: 12345678\r\n'.repeat(2_000)],
  ])('%s over 16 KiB: 431', async (_what, fields) => {
    const answer = await send(GET, HOST + fields)
    expect([answer.status, answer.text.includes('header-too-large')]).toEqual([431, true])
    expect(upstream.received()).toBe('')
  })

  test('a target over 16 KiB: 431', async () => {
    expect((await send(`GET /proxy/${'a'.repeat(20_000)} HTTP/1.1`, HOST)).status).toBe(431)
    expect(upstream.received()).toBe('')
  })

  test('a body declared longer than UPLOAD_MAX_BYTES: 413 before a byte of it is read', async () => {
    await gateway.close()
    await start({ UPLOAD_MAX_BYTES: '1000' })
    const answer = await send(POST, `${HOST}${CLOSE}Content-Length: 1001\r\n`)
    expect([answer.status, answer.text.includes('body-too-large')]).toEqual([413, true])
    expect(upstream.received()).toBe('')
    expect((await send(POST, `${HOST}${CLOSE}Content-Length: 1000\r\n`, 'x'.repeat(1_000))).status).toBe(200)
  })

  test('chunks that grow past UPLOAD_MAX_BYTES: 413, and the upstream never gets a whole body', async () => {
    await gateway.close()
    await start({ UPLOAD_MAX_BYTES: '1000' })
    upstream.answer = () => {}
    const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`
    const answer = await send(POST, HOST + CLOSE + CHUNKED, `${chunk.repeat(3)}0\r\n\r\n`)
    expect(answer.status).toBe(413)
    await eventually(() => expect(upstream.ends.every(({ ending }) => ending !== undefined)).toBe(true))
    expect(upstream.received()).not.toContain('\r\n0\r\n')
  })
})

describe('slowness', () => {
  /** HEADER_MS, how often it is looked at, and what a busy machine may add. */
  const MOST_MS = 400 + 500 + 2_000

  test.each([
    ['a header that never ends', `${GET}\r\n${HOST}X-A: `],
    ['a connection that says nothing', ''],
  ])('%s: 408 after HEADER_MS', async (_what, beginning) => {
    const before = performance.now()
    const answer = await rawExchange(gateway.port, beginning)
    expect(performance.now() - before).toBeGreaterThanOrEqual(400)
    expect(performance.now() - before).toBeLessThan(MOST_MS)
    expect([answer.status, answer.text.includes('header-too-slow')]).toEqual([408, true])
  })

  test('a header that drips byte by byte has no more time than others', async () => {
    const socket = connect(gateway.port, '127.0.0.1')
    let text = ''
    socket.on('data', data => {
      text += data
    })
    socket.on('error', () => {})
    const drip = setInterval(() => socket.write('a'), 20)
    socket.write(`${GET}\r\n${HOST}X-A: `)
    await eventually(() => expect(text).toMatch(/^HTTP\/1\.1 408 /), MOST_MS)
    clearInterval(drip)
    socket.destroy()
  })
})
