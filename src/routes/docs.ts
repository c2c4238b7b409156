import type { FastifyInstance } from 'fastify'
import { describeApi, openApiOf } from '../docs/openapi.ts'
import { docsPage, PAGE_POLICY } from '../docs/page.ts'

/** What there is to ask for: `/openapi.json` for machines, `/docs` for people. Made once, outside the chain. */
export function docsRoutes(app: FastifyInstance): void {
  const api = describeApi()
  const json = JSON.stringify(openApiOf(api))
  const page = docsPage(api)
  app.get('/openapi.json', (_request, reply) =>
    reply.headers({ ...COMMON, 'content-type': 'application/json; charset=utf-8' }).send(json),
  )
  app.get('/docs', (_request, reply) =>
    reply
      .headers({
        ...COMMON,
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': PAGE_POLICY,
      })
      .send(page),
  )
}

const COMMON = {
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}
