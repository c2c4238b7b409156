// Bytes for an HTTP server that are no request, or half of one, or a wrong one; in one piece or in several.
import fc from 'fast-check'

const body = '{"name":"odd","listen":"127.0.0.1:0","upstream":"127.0.0.1:9","enabled":false}'
const request = (method: string, path: string, headers: string, content = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${content}`
const sound = [
  request('GET', '/proxies', ''),
  request('POST', '/proxies', `Content-Length: ${body.length}\r\n`, body),
  request(
    'POST',
    '/proxies',
    'Transfer-Encoding: chunked\r\n',
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ),
  request('DELETE', '/proxies/odd', ''),
  request('POST', '/reset', 'Content-Type: application/json\r\nContent-Length: 0\r\n'),
]
const anySound = fc.constantFrom(...sound)

/** Requests that are wrong in a way that somebody thought of. */
const wrong = fc.constantFrom(
  ...['-1', '+5', '5, 6', '99999999999999999999', '0x10', '1e3', '', 'NaN', '5\r\nContent-Length: 6'].map(
    length => request('POST', '/proxies', `Content-Length: ${length}\r\n`, body),
  ),
  request(
    'POST',
    '/proxies',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    `5\r\n${body}\r\n0\r\n\r\n`,
  ),
  request('POST', '/proxies', 'Transfer-Encoding: chunked, identity\r\n', body),
  request('POST', '/proxies', 'Transfer-Encoding: gzip\r\n', body),
  ...[
    'zz\r\n',
    '-1\r\n',
    'ffffffffffffffffff\r\n',
    '5;ext="\r\n12345',
    '5\r\n1234567\r\n',
    '0\r\nTrailer: x\r\n\r\n',
  ].map(chunk => request('POST', '/populate', 'Transfer-Encoding: chunked\r\n', chunk)),
  request('GET', '/proxies', 'X: y\r\n'.repeat(5_000)),
  request('GET', '/proxies', `X: ${'y'.repeat(2_000_000)}\r\n`),
  request('GET', `/proxies/${'y'.repeat(2_000_000)}`, ''),
  request('GET', '/proxies', 'X\0Y: z\r\nZ: \0\r\n'),
  request('GET', '/pro\0xies', ''),
  request('GET', '/proxies/%', ''),
  request('GET', '/proxies/%zz/toxics/%ff', ''),
  request('GET', 'http://elsewhere/proxies', ''),
  request('GET', 'http://elsewhere', ''),
  request('GET', '//', ''),
  request('GET', '?', ''),
  request('OPTIONS', '*', ''),
  request('CONNECT', 'localhost:80', ''),
  request('PRI', '*', '').replace('HTTP/1.1', 'HTTP/2.0'),
  request('BREW', '/proxies', ''),
  request('get', '/proxies', ''),
  request('GET', '/proxies', 'Upgrade: websocket\r\nConnection: Upgrade\r\n'),
  request('POST', '/proxies', 'Expect: 100-continue\r\nContent-Length: 5\r\n'),
  request('POST', '/proxies', 'Expect: a miracle\r\nContent-Length: 5\r\n'),
  request('POST', '/proxies', 'Content-Type: \r\nContent-Length: 2\r\n', '{}'),
  request('POST', '/proxies', 'Content-Type: ;;;/\r\nContent-Length: 2\r\n', '{}'),
  request('POST', '/proxies', 'Content-Encoding: gzip\r\nContent-Length: 2\r\n', '{}'),
  'GET /proxies\r\n',
  'GET /proxies HTTP/0.9\r\n\r\n',
  'GET /proxies HTTP/1.1\r\n\r\n',
  '\r\n\r\n\r\nGET /version HTTP/1.0\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
)

/** A sound request with some bytes of it replaced, left out or put in. */
const mutated = fc
  .tuple(
    anySound,
    fc.array(fc.record({ at: fc.nat(), gone: fc.nat(3), put: fc.string({ maxLength: 4, unit: 'binary' }) }), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([text, edits]) =>
    edits.reduce((left, { at, gone, put }) => {
      const start = at % left.length
      return left.slice(0, start) + put + left.slice(start + gone)
    }, text),
  )
const cutShort = fc.tuple(anySound, fc.nat()).map(([text, at]) => text.slice(0, at % text.length))
const pipelined = fc
  .array(fc.oneof(anySound, wrong, cutShort), { minLength: 2, maxLength: 6 })
  .map(parts => parts.join(''))
const anyText = fc.oneof(wrong, mutated, cutShort, pipelined, fc.string({ unit: 'binary', maxLength: 300 }))

/** In one piece, or in several. */
export const piecesOfHttp = fc.tuple(anyText, fc.array(fc.nat(), { maxLength: 4 })).map(([text, cuts]) => {
  const bytes = Buffer.from(text, 'latin1')
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
})
