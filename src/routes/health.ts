import type { FastifyInstance } from 'fastify'

/** Says that this process answers; nothing of the upstream, and outside the chain. */
export function healthRoute(app: FastifyInstance): void {
  app.get('/health', async () => ({ status: 'ok' }))
}
