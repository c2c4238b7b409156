// Requests as no client library writes them, byte for byte, on every subject.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { dialTcp } from '../support/tcp.ts'
import { SUBJECTS, type Subject } from '../support/toxiproxy-subject.ts'

const TEXT = 'text/plain; charset=utf-8'
const get = (path: string, field = 'X-Nothing: 0') => lines(`GET ${path} HTTP/1.1`, 'Host: x', field)
const lines = (...head: string[]) => [...head, 'Connection: close', '', ''].join('\r\n')
const moved = (location: string) => ({ status: 301, location, type: undefined, body: '' })
const version = {
  status: 200,
  location: undefined,
  type: 'application/json;charset=utf-8',
  body: /^\{"version":/,
}
const refused = { status: 400, location: undefined, type: TEXT, body: '400 Bad Request' }

const CASES = [
  ['a doubled slash is sent to the path it means', get('//version'), moved('/version')],
  ['so is one after the first word', get('/proxies//a'), moved('/proxies/a')],
  ['so are dots, and the query goes along', get('/proxies/../version?a=1'), moved('/version?a=1')],
  ['so are dots that are escaped', get('/proxies/%2e%2e/version'), moved('/version')],
  ['what needs an escape keeps it', get('//proxies/a%20b%3F'), moved('/proxies/a%20b%3F')],
  ['so is a write', lines('POST //reset HTTP/1.1', 'Host: x', 'Content-Length: 0'), moved('/reset')],
  ['a path that is clean is not sent anywhere', get('/version'), version],
  ['the form that is used towards HTTP proxies is taken', get('http://elsewhere:1/version'), version],
  ['a head of 500 kB is taken', get('/version', `X-Long: ${'a'.repeat(500_000)}`), version],
  ['an escape that is none is refused', get('/proxies/%zz'), refused],
  ['what is no HTTP is refused', 'hello\r\n\r\n', refused],
  [
    'a length that is none is refused',
    lines('POST /reset HTTP/1.1', 'Host: x', 'Content-Length: a'),
    refused,
  ],
] as const

describe.each(SUBJECTS)('odd HTTP, on $name', ({ open }) => {
  let subject: Subject
  beforeAll(async () => {
    subject = await open()
  })
  afterAll(() => subject.close())

  test.each(CASES)('%s', async (_what, request, wanted) => {
    const client = await dialTcp(new URL(subject.url).host)
    client.socket.write(request)
    await eventually(() => expect(client.ending).toBeDefined())
    client.socket.destroy()
    const [head = '', body] = client.received().toString().split('\r\n\r\n')
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]
    expect(Number(head.split(' ')[1])).toBe(wanted.status)
    expect(field('location')).toBe(wanted.location)
    expect(field('content-type')).toBe(wanted.type)
    if (typeof wanted.body === 'string') expect(body).toBe(wanted.body)
    else expect(body).toMatch(wanted.body)
    expect(field('connection')).toBe('close')
  })
})
