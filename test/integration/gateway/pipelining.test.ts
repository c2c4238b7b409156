// Several requests on one connection, sent before the first is answered.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawExchange } from '../../support/gateway-raw.ts'
import { OK, type RawUpstream, startRawUpstream } from '../../support/gateway-raw-upstream.ts'
import { dialTcp, type End } from '../../support/tcp.ts'
import { quiet } from '../../support/toxic-lab.ts'

let upstream: RawUpstream
let gateway: TestGateway
const dialled: End[] = []
beforeEach(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway({
    ...{ UPSTREAM_URL: upstream.url, VIA_NAME: 'here', CACHE: 'off', RATE_LIMIT_MAX: '100000' },
    ...PATIENT,
  })
})
afterEach(async () => {
  for (const { socket } of dialled.splice(0)) socket.destroy()
  await gateway.close()
  await upstream.close()
})

const HOST = 'Host: gateway.test\r\n'
const CLOSE = 'Connection: close\r\n'
const get = (path: string, fields = '') => `GET /proxy/${path} HTTP/1.1\r\n${HOST}${fields}\r\n`
const pair = get('a') + get('b', CLOSE)
const textOf = (end: End) => end.received().toString('latin1')
const statusesIn = (text: string) => text.match(/HTTP\/1\.1 \d+/g)
const asked = () => upstream.received().match(/^\w+ \/\w*/gm) ?? []
const isSecond = (end: End) => textOf(end).includes('/b ')

async function dial(text: string): Promise<End> {
  const end = await dialTcp(`127.0.0.1:${gateway.port}`)
  dialled.push(end)
  end.socket.write(text, 'latin1')
  return end
}

test('a request is begun when the one before it has been answered', async () => {
  let first = () => {}
  upstream.answer = end => {
    if (isSecond(end)) end.socket.write(OK)
    else first = () => end.socket.write(OK)
  }
  const answered = rawExchange(gateway.port, pair)
  await eventually(() => expect(asked()).toEqual(['GET /a']))
  await quiet(200)
  expect(asked()).toEqual(['GET /a'])
  first()
  expect(statusesIn((await answered).text)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  expect(asked()).toEqual(['GET /a', 'GET /b'])
})

test('a refusal waits its turn, too', async () => {
  const { text } = await rawExchange(gateway.port, get('a') + get('../b') + get('c', CLOSE))
  expect(statusesIn(text)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400', 'HTTP/1.1 200'])
})

test('a body of doubtful length is the last, wherever it stands', async () => {
  const doubtful = `POST /proxy/b HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`
  const { text } = await rawExchange(gateway.port, get('a') + doubtful + get('c', CLOSE))
  expect(statusesIn(text)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 501'])
  expect(asked()).toEqual(['GET /a'])
})

test('a client that hangs up ends the call of its first request, and the others are never begun', async () => {
  upstream.answer = () => {}
  const { socket } = await dial(['1', '2', '3', '4', '5'].map(path => get(path)).join(''))
  await eventually(() => expect(upstream.ends.length).toBe(1))
  socket.destroy()
  await eventually(() => expect(upstream.ends[0]?.ending).toBeDefined())
  await quiet(100)
  expect(upstream.ends.length).toBe(1)
})

describe('what comes before an answer', () => {
  /** The first answer takes its time, the second is announced at once. */
  const answerBehind = (announcement: string) => {
    upstream.answer = end => {
      if (!isSecond(end)) setTimeout(() => end.socket.write(OK), 200)
      else if (announcement !== '') end.socket.write(announcement + OK)
      else if (/hi$|GET \/c /.test(textOf(end))) end.socket.write(OK)
    }
  }

  test('of a 103 for the second stays outside the body of the first', async () => {
    answerBehind('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    const { text } = await rawExchange(gateway.port, pair)
    expect(statusesIn(text)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 103', 'HTTP/1.1 200'])
    expect(text).toMatch(/\r\n\r\nokHTTP\/1\.1 103 .*\r\n\r\nHTTP\/1\.1 200 .*\r\n\r\nok$/s)
  })

  test('of a 100 for the second goes out when the first is answered, and before the third', async () => {
    answerBehind('')
    const expecting = 'Expect: 100-continue\r\nContent-Length: 2\r\n'
    const { text } = await rawExchange(
      gateway.port,
      `${get('a')}POST /proxy/b HTTP/1.1\r\n${HOST}${expecting}\r\nhi${get('c', CLOSE)}`,
    )
    expect(text).toMatch(
      /\r\n\r\nokHTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 .*\r\n\r\nokHTTP\/1\.1 200 /s,
    )
    expect(text.endsWith('\r\n\r\nok')).toBe(true)
  })
})

describe('a client that asks and asks', () => {
  test('and reads nothing is asked for no more than goes out', async () => {
    const long = 'x'.repeat(1_000_000)
    upstream.answer = end =>
      void end.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`)
    const { socket } = await dial('')
    socket.pause()
    socket.write(Array.from({ length: 60 }, (_, index) => get(String(index))).join(''))
    let before = -1
    await eventually(async () => {
      const last = before
      before = asked().length
      await quiet(200)
      expect(before).toBe(last)
    })
    // What the kernel takes of a connection that nobody reads.
    expect(asked().length).toBeLessThan(15)
  })

  test('while the first answer is due is read no further', async () => {
    upstream.answer = () => {}
    const { socket } = await dial('')
    const many = Buffer.from(get('a').repeat(1_000))
    let written = 0
    const pump = () => {
      while (written < 64 * 1024 * 1024) {
        written += many.length
        if (!socket.write(many)) return void socket.once('drain', pump)
      }
    }
    pump()
    let before = -1
    await eventually(async () => {
      const last = before
      before = written
      await quiet(200)
      expect(written).toBe(last)
    })
    expect(written).toBeLessThan(32 * 1024 * 1024)
  })

  test('has every answer, in order, once it reads', async () => {
    upstream.answer = ({ socket, received }) => {
      const path = /.*GET \/(\d+) /s.exec(received().toString())?.[1] ?? ''
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    }
    const paths = Array.from({ length: 2_000 }, (_, index) => String(index))
    const { text } = await rawExchange(
      gateway.port,
      paths.map(path => get(path)).join('') + get('2000', CLOSE),
    )
    expect(text.match(/(?<=\r\n\r\n)\d+(?=HTTP|$)/g)).toEqual([...paths, '2000'])
  })
})

test('what is no request after one is refused after its answer, not in its place', async () => {
  const { text } = await rawExchange(gateway.port, `${get('a')}NOT HTTP\r\n\r\n`)
  expect(statusesIn(text)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
})

test('what is no request in the middle of an answer breaks that off, and adds no byte to it', async () => {
  upstream.answer = end => end.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun')
  const socket = connect(gateway.port, '127.0.0.1')
  let text = ''
  socket.on('data', data => {
    text += data
  })
  socket.on('error', () => {})
  socket.write(`POST /proxy/x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`)
  await eventually(() => expect(text).toContain('begun'))
  const closed = new Promise(resolve => socket.on('close', resolve))
  socket.write('NOT A CHUNK\r\n')
  await closed
  expect(text.match(/HTTP\/1\.1 /g)?.length).toBe(1)
  expect(text.endsWith('begun')).toBe(true)
})
