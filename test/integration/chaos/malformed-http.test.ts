// Anything at all on the port of the API: bytes that are no HTTP, HTTP that is no call, calls that make no sense.
import { request as httpRequest, METHODS } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { useWatchedProxy } from '../../support/watched-proxy.ts'

const SEED = 20_261_123
/** Long enough for an answer, short enough for hundreds that get none. */
const PATIENCE_MS = 10

const { url, expectSound } = useWatchedProxy()

type Ending = 'end' | 'destroy' | 'reset'

/** Sends the pieces one by one, hears what comes, and hangs up in the way asked for. */
async function send(pieces: Uint8Array[], ending: Ending): Promise<string> {
  const { hostname, port } = new URL(url())
  const socket = connect(Number(port), hostname)
  let heard = ''
  let isOver = false
  socket.setEncoding('latin1').on('data', text => {
    heard += text
  })
  socket
    .on('error', () => {})
    .on('close', () => {
      isOver = true
    })
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (ending === 'end') socket.end()
  const until = performance.now() + PATIENCE_MS
  while (!isOver && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 2))
  if (ending === 'reset') socket.resetAndDestroy()
  socket.destroy()
  return heard
}

const anyEnding = fc.constantFrom<Ending>('end', 'destroy', 'reset')
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
const pieces = fc.tuple(anyText, fc.array(fc.nat(), { maxLength: 4 })).map(([text, cuts]) => {
  const bytes = Buffer.from(text, 'latin1')
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
})

// What is well-formed and odd.

interface Answer {
  status: number
  text: string
}

/** The path as it is: other clients would tidy it up. */
function call(method: string, path: string, content?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = content === undefined ? {} : { 'content-length': Buffer.byteLength(content) }
    const outgoing = httpRequest(url(), { method, path, headers, agent: false }, async answer => {
      let text = ''
      for await (const chunk of answer.setEncoding('utf8')) text += chunk
      resolve({ status: answer.statusCode ?? 0, text })
    })
    outgoing.on('error', reject).end(content)
  })
}

const anyName = fc.oneof(
  fc.constantFrom(
    'odd',
    '%2F',
    '%00',
    '%',
    '__proto__',
    'constructor',
    '\ud800',
    '\0',
    '😀',
    '?#',
    'a b',
    '\\',
    ':',
  ),
  // Neither a slash nor dots can be asked for, here as there.
  fc.string({ unit: 'binary', minLength: 1 }).map(text => text.replaceAll(/[/.]/g, '')),
)
const anySegment = fc.oneof(
  fc.constantFrom(
    'proxies',
    'toxics',
    'populate',
    'reset',
    'version',
    'metrics',
    'leases',
    '',
    '..',
    '%2F',
    '%',
    '%ff',
    ':proxy',
    '*',
  ),
  anyName.map(name => encodeURIComponent(name.toWellFormed())),
)
const known = fc.constantFrom(
  '/leases',
  '/proxies',
  '/proxies/odd',
  '/proxies/odd/toxics',
  '/proxies/odd/toxics/odd',
  '/populate',
  '/reset',
)
const anyPath = fc.oneof(
  known,
  fc.array(anySegment, { maxLength: 5 }).map(segments => `/${segments.join('/')}`),
  fc.tuple(known, fc.string()).map(([path, query]) => `${path}?${encodeURIComponent(query.toWellFormed())}`),
)
const anyMethod = fc.oneof(
  fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE'),
  fc.constantFrom(...METHODS.filter(name => name !== 'CONNECT')),
)

const anyValue = fc.jsonValue({ maxDepth: 3 })
const orAnything = (...values: unknown[]) => fc.oneof(fc.constantFrom(...values), anyValue)
// Names of hosts are left to others: what they resolve to is nobody's to say here.
const anyListen = fc.constantFrom<unknown>(
  '127.0.0.1:0',
  '[::1]:0',
  '',
  'foo',
  'a:b:c',
  '127.0.0.1:99999',
  '127.0.0.1:-1',
  null,
  5,
  {},
  [],
)
const anyFields = fc.record(
  {
    name: fc.oneof(anyName, anyValue),
    listen: anyListen,
    upstream: orAnything('127.0.0.1:9', 'foo', 'a:b:c', '[', '\0', ''),
    enabled: orAnything(true, false, null),
    type: orAnything('latency', 'slicer', 'bandwidth', 'noop'),
    stream: orAnything('upstream', 'DOWNSTREAM'),
    toxicity: orAnything(1, 0.5, 1e300),
    attributes: fc.oneof(fc.record({ latency: anyValue, rate: anyValue }, { requiredKeys: [] }), anyValue),
  },
  { requiredKeys: [] },
)
const slashless = (text: string) => text.replaceAll(/\\?\//g, '')
const anyBody = fc.option(
  fc.oneof(
    fc
      .oneof(anyFields, fc.array(anyFields, { maxLength: 3 }), anyValue)
      .map(value => slashless(JSON.stringify(value))),
    fc.string().map(slashless),
  ),
  { nil: undefined },
)

/** In the words of the API, and never a fault. */
function expectProperAnswer(method: string, { status, text }: Answer): void {
  expect([200, 201, 204, 301, 400, 404, 405, 409, 500]).toContain(status)
  if (status === 500) expect(text).toMatch(/"error":"(listen tcp|address |lookup )/)
  if (status < 400 || status === 405 || method === 'HEAD' || text === '404 page not found\n') return
  if (text.startsWith('{')) expect(JSON.parse(text)).toMatchObject({ status, error: expect.any(String) })
  else expect(text).toBe('400 Bad Request')
}

describe('the API', () => {
  test('survives whatever is no HTTP, or wrong, or half, or hangs up', async () => {
    const whatever = fc.asyncProperty(pieces, anyEnding, async (parts, ending) => {
      const heard = await send(parts, ending)
      if (heard !== '') expect(heard).toMatch(/^HTTP\/1\.1 [1-5]\d\d /)
      expect(heard).not.toMatch(/^HTTP\/1\.1 500 /m)
      await expectSound()
    })
    await fc.assert(whatever, { seed: SEED, numRuns: 150 })
  })

  test('answers any call in its own words, and what is created so can be deleted by its name', async () => {
    const whatever = fc.asyncProperty(
      fc.array(fc.tuple(anyMethod, anyPath, anyBody), { maxLength: 20 }),
      async calls => {
        for (const [method, path, content] of calls) {
          expectProperAnswer(method, await call(method, path, content))
        }
        const { text } = await call('GET', '/proxies')
        for (const name of Object.keys(JSON.parse(text))) {
          expect((await call('DELETE', `/proxies/${encodeURIComponent(name)}`)).status, name).toBe(204)
        }
        await expectSound()
      },
    )
    await fc.assert(whatever, { seed: SEED, numRuns: 50 })
  })
})
