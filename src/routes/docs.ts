import type { FastifyInstance } from 'fastify'
import { describeApi, openApiOf } from '../docs/openapi.ts'
import { docsPage, PAGE_POLICY } from '../docs/page.ts'
import type { Account } from '../telemetry/account.ts'
import { countedAs } from './counted.ts'

/** What there is to ask for: `/openapi.json` for machines, `/docs` for people. Made once, outside the chain. */
export function docsRoutes(app: FastifyInstance, account: Account): void {
  const counted = countedAs(account, 'docs')
  const api = describeApi()
  const json = JSON.stringify(openApiOf(api))
  const page = docsPage(api)
  app.get('/openapi.json', counted, (_request, reply) =>
    reply.headers({ ...COMMON, 'content-type': 'application/json; charset=utf-8' }).send(json),
  )
  app.get('/docs', counted, (_request, reply) =>
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
