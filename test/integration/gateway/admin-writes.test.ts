import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TOKEN } from '../../support/gateway-admin.ts'
import { startGateway, type TestGateway } from '../../support/gateway-app.ts'

/** Every write that there is, with a body that it accepts. */
const WRITES = [
  ['PUT', '/-/config', '{"DEADLINE_MS": 300}'],
  ['PUT', '/-/breaker', '{"hold": "open"}'],
  ['POST', '/-/cache/purge', '{"all": true}'],
] as const

const READS = ['/-/ready', '/-/stats', '/-/events', '/-/config', '/-/breaker', '/metrics']

const JSON_TYPE = { 'content-type': 'application/json' }
const WITH_TOKEN = { authorization: `Bearer ${TOKEN}` }

let gateway: TestGateway
/** Sends it by node:http: fetch would not send some of these fields. */
function send(method: string, path: string, body: string, headers: Record<string, string>) {
  return new Promise<{ status: number; code: string; detail: string }>((resolve, reject) => {
    const sent = request(gateway.adminUrl + path, { method, headers, agent: false }, answer => {
      let text = ''
      answer.on('data', chunk => {
        text += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, ...JSON.parse(text) }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
const config = async () =>
  (await (await fetch(`${gateway.adminUrl}/-/config`, { headers: WITH_TOKEN })).json()) as {
    deadlineMs: number
  }

describe('without ADMIN_TOKEN', () => {
  beforeAll(async () => {
    gateway = await startGateway({})
  })
  afterAll(() => gateway.close())

  test.each(WRITES)('%s %s is refused in one line that says what to do', async (method, path, body) => {
    expect(await send(method, path, body, JSON_TYPE)).toMatchObject({
      status: 403,
      code: 'writes-closed',
      detail: 'ADMIN_TOKEN is not set; start the gateway with one to change it',
    })
    expect((await config()).deadlineMs).toBe(400)
  })
})

describe('with ADMIN_TOKEN', () => {
  beforeAll(async () => {
    gateway = await startGateway({ ADMIN_TOKEN: TOKEN })
  })
  afterAll(() => gateway.close())

  test.each(WRITES)('%s %s wants it', async (method, path, body) => {
    expect(await send(method, path, body, JSON_TYPE)).toMatchObject({ status: 401, code: 'token-required' })
    const wrong = { ...JSON_TYPE, authorization: 'Bearer wrong' }
    expect(await send(method, path, body, wrong)).toMatchObject({ status: 401, code: 'token-required' })
  })

  test.each(WRITES)(
    '%s %s cannot be sent by a page in a browser, whatever it may send',
    async (method, path, body) => {
      const port = new URL(gateway.adminUrl).port
      for (const fields of [
        { origin: 'https://evil.test' },
        { origin: 'null' },
        { origin: `http://127.0.0.1:${port}` },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'same-origin' },
      ]) {
        const answer = await send(method, path, body, { ...JSON_TYPE, ...WITH_TOKEN, ...fields })
        expect(answer).toMatchObject({ status: 403, code: 'cross-site' })
      }
      const rebound = { ...JSON_TYPE, ...WITH_TOKEN, host: 'evil.test' }
      expect(await send(method, path, body, rebound)).toMatchObject({ status: 403, code: 'host-not-allowed' })
    },
  )

  test.each(READS)('GET %s is not told to a page in a browser', async path => {
    for (const fields of [
      { origin: 'https://evil.test' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-origin' },
    ]) {
      const answer = await send('GET', path, '', { ...WITH_TOKEN, ...fields })
      expect(answer).toMatchObject({ status: 403, code: 'cross-site' })
    }
  })

  test('what somebody typed into a browser is answered', async () => {
    const typed = { ...WITH_TOKEN, 'sec-fetch-site': 'none' }
    expect(await send('GET', '/-/breaker', '', typed)).toMatchObject({ status: 200 })
  })

  test.each(WRITES)('%s %s takes nothing that a form can send', async (method, path, body) => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'text/json',
      '',
    ]) {
      const headers = { ...WITH_TOKEN, ...(type && { 'content-type': type }) }
      expect(await send(method, path, body, headers)).toMatchObject({ status: 415, code: 'json-only' })
    }
  })

  test.each(WRITES)('%s %s refuses a body that is no JSON, or is too long', async (method, path) => {
    const headers = { ...JSON_TYPE, ...WITH_TOKEN }
    for (const body of ['', '{', 'DEADLINE_MS=3']) {
      expect(await send(method, path, body, headers)).toMatchObject({ status: 400, code: 'bad-request' })
    }
    const long = `{"x":"${'y'.repeat(70_000)}"}`
    expect(await send(method, path, long, headers)).toMatchObject({ status: 413, code: 'body-too-large' })
  })

  test('a preflight is let by no more than anything else', async () => {
    const preflight = { origin: 'https://evil.test', 'access-control-request-method': 'PUT' }
    const answer = await fetch(`${gateway.adminUrl}/-/config`, { method: 'OPTIONS', headers: preflight })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  test.each(WRITES)(
    '%s %s is taken from an operator, with a charset or without',
    async (method, path, body) => {
      for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON']) {
        const answer = await send(method, path, body, { ...WITH_TOKEN, 'content-type': type })
        expect(answer.status).toBe(200)
      }
    },
  )

  test('the token is never told', async () => {
    const text = JSON.stringify([
      await config(),
      await send('PUT', '/-/config', '{"ADMIN_TOKEN": "x", "DEADLINE_MS": -1}', {
        ...JSON_TYPE,
        ...WITH_TOKEN,
      }),
    ])
    expect(text).not.toContain(TOKEN)
  })
})
