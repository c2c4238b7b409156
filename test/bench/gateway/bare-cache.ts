// What the packages cost by themselves: a stored answer from lru-cache, sent by Fastify behind @fastify/rate-limit, each
// as its README has it. ANSWER is `{ status, headers, body }`.
import type { AddressInfo } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import { fastify } from 'fastify'
import { LRUCache } from 'lru-cache'
import { sayReady } from '../child.ts'

const { status, headers, body } = JSON.parse(process.env.ANSWER!) as {
  status: number
  headers: string[]
  body: string
}
/** Sent by the plugin. */
const LIMIT = /^ratelimit/i
const own: Record<string, string> = {}
for (let index = 0; index < headers.length; index += 2)
  if (!LIMIT.test(headers[index]!)) own[headers[index]!] = headers[index + 1]!

const stored = new LRUCache<string, { headers: Record<string, string>; body: Buffer }>({ max: 1_000 })
const app = fastify()
await app.register(rateLimit, { max: 1_000_000_000, timeWindow: 1_000, enableDraftSpec: true })
app.get('/proxy/*', async (request, reply) => {
  let answer = stored.get(request.url)
  if (answer === undefined) {
    answer = { headers: own, body: Buffer.from(body) }
    stored.set(request.url, answer)
  }
  return reply.code(status).headers(answer.headers).send(answer.body)
})

await app.listen({ host: '127.0.0.1', port: 0 })
sayReady({ http: (app.server.address() as AddressInfo).port })
