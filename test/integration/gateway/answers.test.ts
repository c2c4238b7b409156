// Answers of every kind, byte for byte, from an upstream on a plain TCP socket.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange, rawGet } from '../../support/gateway-raw.ts'
import { bytes, type RawUpstream, startRawUpstream } from '../../support/gateway-raw-upstream.ts'
import { dialTcp } from '../../support/tcp.ts'

let upstream: RawUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startRawUpstream()
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string> = {}) {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, RETRY_ATTEMPTS: '0', ...PATIENT, ...settings })
}

/** The same with every guard, which buffers, and with none, which streams. */
const BOTH = ['all', 'none']

describe.each(BOTH)('the header of a streamed answer, with GUARDS=%s', guards => {
  const header = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
  const event = '9\r\ndata: 1\n\n\r\n'
  const ask = async () => {
    const client = await dialTcp(`127.0.0.1:${gateway.port}`)
    client.socket.write('GET /proxy/x HTTP/1.1\r\nHost: g.test\r\n\r\n')
    return client
  }

  test('goes out when it comes, though nothing follows for now', async () => {
    await start({ GUARDS: guards })
    let follow = () => {}
    upstream.answer = ({ socket }) => {
      socket.write(header)
      follow = () => socket.write(event)
    }
    const client = await ask()
    await eventually(() => expect(String(client.received())).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s))
    follow()
    await eventually(() => expect(String(client.received())).toMatch(/\r\n\r\n9\r\ndata: 1\n\n\r\n$/))
    client.socket.destroy()
  })

  test('goes out in one piece with what is there of the body', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(header + event)
    const client = await ask()
    await eventually(() => expect(client.chunks.length).toBeGreaterThan(0))
    expect(String(client.chunks[0]?.data)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*data: 1\n\n\r\n$/s)
    client.socket.destroy()
  })
})

describe.each(BOTH)('before the answer, with GUARDS=%s', guards => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n'
  const processing = 'HTTP/1.1 102 Processing\r\n\r\n'
  const final = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  test('103 and 102 are passed on as they come, less what is about the connection', async () => {
    await start({ GUARDS: guards })
    let answer = () => {}
    upstream.answer = end => {
      end.socket.write(early + processing)
      answer = () => end.socket.write(final)
    }
    const socket = connect(gateway.port, '127.0.0.1')
    let text = ''
    socket.on('data', data => {
      text += data
    })
    socket.write('GET /proxy/x HTTP/1.1\r\nHost: g.test\r\n\r\n')
    await eventually(() =>
      expect(text).toBe('HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'),
    )
    answer()
    await eventually(() => expect(text).toMatch(/\r\n\r\nHTTP\/1\.1 200 OK\r\n.*ok$/s))
    socket.destroy()
  })

  test('nothing is passed on to HTTP/1.0, which knows no such thing', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(early + final)
    const { text } = await rawExchange(gateway.port, 'GET /proxy/x HTTP/1.0\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  test('100 that nobody asked for is a 502 that says so, for undici takes none', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(`HTTP/1.1 100 Continue\r\n\r\n${final}`)
    const { text } = await rawGet(gateway.port, '/proxy/x')
    expect(text).toMatch(
      /^HTTP\/1\.1 502 .*"detail":"it sent 100 Continue unasked, .*"code":"upstream-reset"/s,
    )
  })

  test('101 that nobody asked for is a 502', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')
    expect((await rawGet(gateway.port, '/proxy/x')).status).toBe(502)
  })
})

describe.each(BOTH)('trailers, with GUARDS=%s', guards => {
  const chunked = (trailers: string) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Sig\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`
  const TE = 'TE: trailers'

  test('of an answer reach the client that takes them', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(chunked('X-Sum: 12\r\nX-Sig: a\r\nX-Sig: b\r\n'))
    const { text } = await rawGet(gateway.port, '/proxy/x', [TE])
    expect(text).toContain('\r\ntrailer: X-Sum, X-Sig\r\n')
    expect(text).toMatch(/\r\n\r\n2\r\nok\r\n0\r\nx-sum: 12\r\nx-sig: a\r\nx-sig: b\r\n\r\n$/)
    expect(upstream.received()).not.toMatch(/^te:/im)
  })

  test('are kept from the client that does not', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(chunked('X-Sum: 12\r\n'))
    const { text } = await rawGet(gateway.port, '/proxy/x')
    expect(text).toContain('ok')
    expect(text).not.toMatch(/trailer|x-sum/i)
  })

  test('that would change what went before are dropped', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(chunked('Set-Cookie: a=1\r\nContent-Type: text/html\r\nX-Sum: 12\r\n'))
    const { text } = await rawGet(gateway.port, '/proxy/x', [TE])
    expect(text).toMatch(/0\r\nx-sum: 12\r\n\r\n$/)
    expect(text).not.toMatch(/set-cookie|text\/html/i)
  })
})

describe.each(BOTH)('answers without a body, with GUARDS=%s', guards => {
  test('a 204 has no length, whatever the upstream says', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Kept: 1\r\n\r\n')
    const { text } = await rawGet(gateway.port, '/proxy/x')
    expect(text).toMatch(/^HTTP\/1\.1 204 No Content\r\nx-kept: 1\r\n/)
    expect(text).not.toMatch(/content-length|transfer-encoding/i)
  })

  test('a 304 keeps the fields of what it stands for', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1234\r\n\r\n')
    const { text } = await rawGet(gateway.port, '/proxy/x', ['If-None-Match: "a"', 'Cache-Control: no-cache'])
    expect(text).toMatch(/^HTTP\/1\.1 304 Not Modified\r\netag: "a"\r\ncontent-length: 1234\r\n.*\r\n\r\n$/s)
    expect(upstream.received()).toContain('if-none-match: "a"')
  })

  test('a HEAD gets the fields of a GET, its length among them, and no byte more', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n')
    const head = 'HEAD /proxy/x HTTP/1.1\r\nHost: g.test\r\nConnection: close\r\n\r\n'
    const { text } = await rawExchange(gateway.port, head)
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 1234\r\n.*\r\n\r\n$/s)
  })

  test('a HEAD of what is sent in chunks has no body and no length', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n')
    const head = 'HEAD /proxy/x HTTP/1.1\r\nHost: g.test\r\nTE: trailers\r\nConnection: close\r\n\r\n'
    const { text } = await rawExchange(gateway.port, head)
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s)
    expect(text).not.toMatch(/content-length/i)
  })
})

describe.each(BOTH)('a part of the whole, with GUARDS=%s', guards => {
  test('is asked for and passed on as it is', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(
      'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-3/10\r\nContent-Length: 2\r\n\r\nok',
    )
    for (const range of ['bytes=2-3', 'bytes=-2', 'bytes=0-0,4-5', 'lines=1-2']) {
      const { text, status } = await rawGet(gateway.port, '/proxy/x', [`Range: ${range}`, 'If-Range: "a"'])
      expect(status).toBe(206)
      expect(text).toContain('content-range: bytes 2-3/10')
      expect(upstream.received()).toContain(`range: ${range}\r\nif-range: "a"\r\n`)
    }
  })

  test('that cannot be had is a 416', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes(
      'HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n',
    )
    const { text, status } = await rawGet(gateway.port, '/proxy/x', ['Range: bytes=20-'])
    expect([status, text.includes('content-range: bytes */10')]).toEqual([416, true])
  })
})

describe('a body that ends with its connection', () => {
  const head = 'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n'

  test('is whole when that ends in order', async () => {
    await start()
    upstream.answer = end => end.socket.end(`${head}all of it`)
    expect((await rawGet(gateway.port, '/proxy/x')).text).toMatch(/all of it\r\n0\r\n\r\n$/)
  })

  test('goes to HTTP/1.0 the same way', async () => {
    await start()
    upstream.answer = end => end.socket.end(`${head}all of it`)
    const { text } = await rawExchange(gateway.port, 'GET /proxy/x HTTP/1.0\r\n\r\n')
    expect(text).toMatch(/\r\n\r\nall of it$/)
    expect(text).not.toMatch(/transfer-encoding/i)
  })
})

describe('an upstream that dies in the middle of a streamed body', () => {
  const kinds = [
    ['with a length, by FIN', 'Content-Length: 100\r\n', 'begun', 'fin'],
    ['with a length, by RST', 'Content-Length: 100\r\n', 'begun', 'rst'],
    [
      'with a length and Connection: close, by RST',
      'Content-Length: 100\r\nConnection: close\r\n',
      'begun',
      'rst',
    ],
    ['in chunks, by FIN', 'Transfer-Encoding: chunked\r\n', '5\r\nbegun\r\n', 'fin'],
    ['in chunks, by RST', 'Transfer-Encoding: chunked\r\n', '5\r\nbegun\r\n', 'rst'],
    ['in chunks, before the last empty line', 'Transfer-Encoding: chunked\r\n', '5\r\nbegun\r\n0\r\n', 'fin'],
    ['in the middle of a chunk', 'Transfer-Encoding: chunked\r\n', 'ff\r\nbegun', 'fin'],
    ['without a length, by RST', '', 'begun', 'rst'],
  ] as const
  test.each(kinds)('%s: the client sees that it is not whole', async (_what, fields, body, by) => {
    await start()
    let die = () => {}
    upstream.answer = ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n${fields}\r\n${body}`)
      die = () => void (by === 'fin' ? socket.end() : socket.resetAndDestroy())
    }
    const answer = await fetch(`${gateway.url}/proxy/x`)
    const reader = answer.body!.getReader()
    expect(String(Buffer.from((await reader.read()).value!))).toBe('begun')
    die()
    await expect(reader.read()).rejects.toThrow()
  })

  test('is a 502 where the answer was still being buffered', async () => {
    await start()
    upstream.answer = end => end.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun')
    expect((await rawGet(gateway.port, '/proxy/x')).status).toBe(502)
  })
})

describe.each(BOTH)('an answer that is not quite HTTP, with GUARDS=%s', guards => {
  test.each([
    [
      'a length and a coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok'],
    ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b=1\r\nContent-Length: 2\r\n\r\nok'],
    ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 2\r\n\r\nok'],
    ['a header over 16 KiB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['another protocol', '220 mail.test ESMTP\r\n'],
    ['HTTP/0.9', '<html>hello</html>'],
  ])('%s: a 502, and nothing of it reaches the client', async (_what, answer) => {
    await start({ GUARDS: guards })
    upstream.answer = end => end.socket.end(answer, 'latin1')
    const { text, status } = await rawGet(gateway.port, '/proxy/x')
    expect(status).toBe(502)
    expect(text).not.toMatch(/x-a:|set-cookie|<html>|ESMTP/i)
  })

  test('a chunk size that is none: a 502, or a reset where the header has gone out', async () => {
    await start({ GUARDS: guards })
    upstream.answer = bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n')
    const { status, isReset } = await rawGet(gateway.port, '/proxy/x')
    expect([status === 502, isReset]).toEqual(guards === 'all' ? [true, false] : [false, true])
  })

  test('bytes after the end of an answer are not taken for the next one', async () => {
    await start({ GUARDS: guards })
    const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
    upstream.answer = bytes(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${poison}`)
    expect((await rawGet(gateway.port, '/proxy/a')).text).toMatch(/ok$/)
    upstream.answer = bytes('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext')
    expect((await rawGet(gateway.port, '/proxy/b')).text).not.toContain('poison')
    expect((await rawGet(gateway.port, '/proxy/c')).text).not.toContain('poison')
  })
})
