import type { FastifyInstance } from 'fastify'
import type { Health } from '../docs/schemas.ts'
import type { Account } from '../telemetry/account.ts'
import { countedAs } from './counted.ts'

/** Says that this process answers; nothing of the upstream, and outside the chain. */
export function healthRoute(app: FastifyInstance, account: Account): void {
  app.get('/health', countedAs(account, 'health'), async () => ({ status: 'ok' }) satisfies Health)
}
