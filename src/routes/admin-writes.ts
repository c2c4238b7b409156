// What the admin port changes in a running gateway.
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Purge } from '../cache/purge.ts'
import { ConfigError } from '../config.ts'
import type { SettingChange } from '../config-change.ts'
import { GatewayError } from '../errors.ts'
import type { BreakerState } from '../guards/breaker.ts'
import type { BreakerHold } from '../guards/held-breaker.ts'
import { sendRefusal } from './reply.ts'

/** The levers of a running gateway. Each throws a `GatewayError` where it cannot do what it is told. */
export interface Controls {
  /** @throws ConfigError naming every problem; then nothing is changed */
  change(settings: unknown): readonly SettingChange[]
  purge(purge: Purge): Promise<void>
  hold(hold: BreakerHold): BreakerState
}

/** Longest body that is read here. */
export const BODY_BYTES = 65_536

const path = z.string().startsWith('/')
const purgeSchema = z.union([
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ path }),
  z.strictObject({ prefix: path }),
])
const PURGES = '{"all": true}, {"path": "/areas/1"} or {"prefix": "/areas/"}'

const holdSchema = z.strictObject({ hold: z.enum(['open', 'closed']).nullable() })
const HOLDS = '{"hold": "open"}, {"hold": "closed"} or {"hold": null}'

export function adminWrites(admin: FastifyInstance, controls: Controls): void {
  admin.put('/-/config', async request => ({ changed: controls.change(request.body) }))
  admin.post('/-/cache/purge', async request => {
    const purge = read(purgeSchema, request.body, PURGES)
    await controls.purge(purge)
    return { purged: purge }
  })
  admin.put('/-/breaker', async request => {
    const { hold } = read(holdSchema, request.body, HOLDS)
    return { state: controls.hold(hold), hold }
  })
  admin.setErrorHandler((error, _request, reply) => {
    reply.hijack()
    sendRefusal(reply.raw, refusalOf(error))
  })
}

function read<T>(schema: z.ZodType<T>, body: unknown, accepted: string): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw new GatewayError('bad-request', `the body is ${JSON.stringify(body)}; accepted: ${accepted}`)
}

function refusalOf(error: unknown): unknown {
  if (error instanceof ConfigError) {
    const { problems } = error
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`
    return new GatewayError('config-invalid', `nothing was changed: ${count}`, { problems, cause: error })
  }
  const { statusCode, message } = error as { statusCode?: number; message: string }
  if (statusCode === 413)
    return new GatewayError('body-too-large', `the body is over ${BODY_BYTES} bytes long`, { cause: error })
  // Fastify's own: a body that is no JSON.
  const isOfTheBody = statusCode !== undefined && statusCode >= 400 && statusCode < 500
  return isOfTheBody ? new GatewayError('bad-request', message, { cause: error }) : error
}
