import type { FastifyInstance } from 'fastify'
import type { Health } from '../docs/schemas.ts'

/** Says that this process answers; nothing of the upstream, and outside the chain. */
export function healthRoute(app: FastifyInstance): void {
  app.get('/health', async () => ({ status: 'ok' }) satisfies Health)
}
