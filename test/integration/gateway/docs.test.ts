import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config.ts'
import { areasSchema, healthSchema, problemSchema } from '../../../src/docs/schemas.ts'
import { createGateway } from '../../../src/server.ts'
import { PATIENT, startGateway, type TestGateway } from '../../support/gateway-app.ts'
import { rawGet } from '../../support/gateway-raw.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'

interface Document {
  openapi: string
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>
  components: { schemas: Record<string, { properties: object; required: string[] }> }
}

let upstream: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  upstream = await startUpstream(json([]))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const start = async (settings: Record<string, string> = {}) => {
  gateway = await startGateway({ UPSTREAM_URL: upstream.url, ...PATIENT, ...settings })
}
const document = async () => (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Document

describe('/openapi.json', () => {
  test('is a document of OpenAPI 3.1 whose references all lead somewhere', async () => {
    await start()
    const answer = await fetch(`${gateway.url}/openapi.json`)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const text = await answer.text()
    const { openapi, components } = JSON.parse(text) as Document
    expect(openapi).toMatch(/^3\.1\./)
    const referred = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(match => match[1]!)
    expect(new Set(referred)).toEqual(new Set(Object.keys(components.schemas)))
  })

  test('names every public route, and none that there is not', async () => {
    await start()
    const { paths } = await document()
    const own = await createGateway(loadConfig({ UPSTREAM_URL: upstream.url, LOG_LEVEL: 'silent' }))
    await own.app.ready()
    const described = Object.keys(paths).map(path => path.replace('{path}', '*'))
    const isRoute = (url: string) => own.app.hasRoute({ method: 'GET', url })
    expect(described.filter(url => !isRoute(url))).toEqual([])
    const printed = own.app.printRoutes({ commonPrefix: false, includeHooks: false })
    await own.close()
    const routes = printed.split('\n').filter(line => line.includes('(GET'))
    // The two that show the document are not in it.
    expect(routes.length).toBe(described.length + 2)
  })

  test('describes what is really answered: health, areas, refusals', async () => {
    await start({ RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW_MS: '60000' })
    const { paths } = await document()
    const kept = async (path: string, described: string, schema: { parse(value: unknown): unknown }) => {
      const answer = await fetch(gateway.url + path)
      const { responses } = paths[described]!.get!
      const [type] = (answer.headers.get('content-type') ?? '').split(';')
      expect(Object.keys(responses[answer.status]!.content!)).toEqual([type])
      schema.parse(await answer.json())
      return answer.status
    }
    expect(await kept('/health', '/health', healthSchema)).toBe(200)
    expect(await kept('/aggregate/areas', '/aggregate/areas', areasSchema)).toBe(200)
    upstream.answer = (_request, response) => response.destroy()
    expect(await kept('/proxy/x', '/proxy/{path}', problemSchema)).toBe(502)
    for (let count = 0; count < 3; count += 1) await fetch(`${gateway.url}/proxy/x`)
    expect(await kept('/proxy/x', '/proxy/{path}', problemSchema)).toBe(429)
  })

  test('names the fields that clients send and get, and every method of a route', async () => {
    await start()
    const { paths } = await document()
    for (const path of ['/proxy/{path}', '/aggregate/areas']) {
      const { parameters, get } = paths[path] as unknown as {
        parameters: { name: string }[]
        get: { responses: Record<string, { headers: object; description: string }> }
      }
      expect(parameters.map(({ name }) => name)).toContain('X-Request-Timeout-Ms')
      expect(Object.keys(get.responses[429]!.headers)).toEqual([
        'Retry-After',
        'RateLimit',
        'RateLimit-Policy',
      ])
    }
    expect(JSON.stringify(paths['/proxy/{path}'])).toContain("Or the upstream's own answer with this status")
    for (const path of ['/health', '/aggregate/areas']) {
      const answer = await fetch(gateway.url + path, { method: 'HEAD' })
      expect([answer.status, await answer.text()]).toEqual([200, ''])
      expect(paths[path]!.head!.responses[200]!.content).toBeUndefined()
    }
  })

  test('does not tell clients of what is told on the admin port only', async () => {
    await start()
    const text = JSON.stringify(await document())
    expect(text).not.toContain('token-required')
    expect(text).not.toContain('client-gone')
    expect(text).toContain('breaker-open')
  })
})

describe('/docs', () => {
  test('needs no script and nothing from elsewhere, and its policy says so', async () => {
    await start()
    const answer = await fetch(`${gateway.url}/docs`)
    const page = await answer.text()
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|https?:|style=|\son\w+=/)
    const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(page) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    const policy = answer.headers.get('content-security-policy')
    expect(policy).toContain(`default-src 'none'; style-src 'sha256-${hash}'`)
    expect(policy).not.toContain('unsafe')
  })

  test('has a section for each path, and every link on it leads somewhere', async () => {
    await start()
    const page = await (await fetch(`${gateway.url}/docs`)).text()
    for (const path of Object.keys((await document()).paths)) expect(page).toContain(`<code>${path}</code>`)
    const ids = [...page.matchAll(/id="([^"]+)"/g)].map(match => match[1])
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(match => match[1])
    expect(links.length).toBeGreaterThan(5)
    expect(links.filter(link => !ids.includes(link))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('and /openapi.json are not there with DOCS=off', async () => {
    await start({ DOCS: 'off' })
    expect((await rawGet(gateway.port, '/docs')).status).toBe(404)
    expect((await rawGet(gateway.port, '/openapi.json')).status).toBe(404)
  })
})
