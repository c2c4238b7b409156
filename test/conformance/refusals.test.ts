// What is refused, and in which words: bodies that cannot be read, addresses that cannot be listened on; on every subject.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { SUBJECTS, type Subject } from '../support/toxiproxy-subject.ts'

const ENTRY = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
const CHANGE =
  'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'

/** Method and path, body, and what it is refused with. */
const UNREADABLE = [
  ['POST /proxies', '{"name":}', "invalid character '}' looking for beginning of value"],
  ['POST /proxies', '{"name":"a",}', "invalid character '}' looking for beginning of object key string"],
  ['POST /proxies', "{'name':1}", "invalid character '\\'' looking for beginning of object key string"],
  ['POST /proxies', '{"name" "a"}', "invalid character '\"' after object key"],
  ['POST /proxies', '{"name":"a" 5}', "invalid character '5' after object key:value pair"],
  ['POST /proxies', '{"name":"a\n"}', "invalid character '\\n' in string literal"],
  ['POST /proxies', '{"name":"\\x"}', "invalid character 'x' in string escape code"],
  ['POST /proxies', 'hello', "invalid character 'h' looking for beginning of value"],
  ['POST /proxies', 'nul', 'unexpected EOF'],
  ['POST /proxies', '12', 'json: cannot unmarshal number into Go value of type toxiproxy.Proxy'],
  ['POST /populate', '[1 2]', "invalid character '2' after array element"],
  ['POST /populate', '5', `json: cannot unmarshal number into Go value of type []${ENTRY}`],
  ['POST /populate', '["a"]', `json: cannot unmarshal string into Go value of type ${ENTRY}`],
  [
    'POST /populate',
    '[{"name":1}]',
    'json: cannot unmarshal number into Go struct field .name of type string',
  ],
  [
    'POST /populate',
    '[{"enabled":"x"}]',
    'json: cannot unmarshal string into Go struct field .enabled of type bool',
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","toxicity":1e39}',
    'json: cannot unmarshal number 1e39 into Go struct field ToxicWrapper.toxicity of type float32',
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"reset_peer","attributes":{"timeout":true}}',
    'json: cannot unmarshal bool into Go struct field ResetToxic.attributes.timeout of type int64',
  ],
  ['PATCH /proxies/p/toxics/t', '[]', `json: cannot unmarshal array into Go value of type ${CHANGE}`],
  [
    'PATCH /proxies/p/toxics/t',
    '{"toxicity":"x"}',
    'json: cannot unmarshal string into Go struct field .toxicity of type float32',
  ],
  [
    'PATCH /proxies/p/toxics/t',
    '{"attributes":[]}',
    'json: cannot unmarshal array into Go struct field .attributes of type toxics.LatencyToxic',
  ],
] as const

const NO_ADDRESS = [
  ['[::1', "listen tcp: address [::1: missing ']' in address"],
  ['[::1]x:5', 'listen tcp: address [::1]x:5: missing port in address'],
  ['[::1]:1:2', 'listen tcp: address [::1]:1:2: too many colons in address'],
  [']:0', "listen tcp: address ]:0: unexpected ']' in address"],
  ['127.0.0.1:nosuch', 'listen tcp: lookup tcp/nosuch: unknown port'],
  ['127.1:0', 'listen tcp: lookup 127.1: no such host'],
  ['127.000.000.001:0', 'listen tcp: lookup 127.000.000.001: no such host'],
] as const

describe.each(SUBJECTS)('a refusal, on $name', ({ open }) => {
  let subject: Subject
  beforeAll(async () => {
    subject = await open()
  })
  afterAll(() => subject.close())

  async function ask(target: string, body: string | null = null) {
    const [method = '', path] = target.split(' ')
    const answer = await fetch(subject.url + path, { method, body })
    return { status: answer.status, text: await answer.text() }
  }
  beforeEach(async () => {
    await ask('POST /proxies', '{"name":"p","upstream":"127.0.0.1:9","enabled":false}')
    await ask('POST /proxies/p/toxics', '{"name":"t","type":"latency"}')
  })
  afterEach(() => ask('DELETE /proxies/p'))

  test.each(UNREADABLE)('%s with %s is refused: %s', async (target, body, detail) => {
    const { status, text } = await ask(target, body)
    expect(JSON.parse(text)).toMatchObject({ error: `bad request body: ${detail}`, status: 400 })
    expect(status).toBe(400)
  })

  test.each(NO_ADDRESS)('to listen on %s is refused: %s', async (listen, error) => {
    const body = JSON.stringify({ name: 'q', upstream: '127.0.0.1:9', listen })
    const { status, text } = await ask('POST /proxies', body)
    expect(text).toBe(`${JSON.stringify({ error, status: 500 })}\n`)
    expect(status).toBe(500)
  })

  test('a name that is half a surrogate pair is no refusal, but another name', async () => {
    const { text } = await ask('POST /proxies', '{"name":"\\ud800","upstream":"127.0.0.1:9","enabled":false}')
    expect(JSON.parse(text).name).toBe('\ufffd')
    expect((await ask(`DELETE /proxies/${encodeURIComponent('\ufffd')}`)).status).toBe(204)
  })

  test('the ports of well-known services may be named', async () => {
    const listen = '127.0.0.1:https'
    await ask('PATCH /proxies/p', JSON.stringify({ listen: '127.0.0.1:443' }))
    const { status, text } = await ask('PATCH /proxies/p', JSON.stringify({ listen }))
    expect(status).toBe(200)
    // The same address by another name is no change, and is not written over the old one.
    expect(JSON.parse(text).listen).toBe('127.0.0.1:443')
  })
})
