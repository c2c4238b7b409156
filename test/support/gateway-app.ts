import type { AddressInfo } from 'node:net'
import { loadConfig } from '../../src/config.ts'
import { createGateway } from '../../src/server.ts'

/** Limits that a busy machine does not reach: for tests that are about something else. */
export const PATIENT = { DEADLINE_MS: '8000', ATTEMPT_LIMIT_MS: '8000', BREAKER_RESET_MS: '8000' }

/** A gateway in this process, on free ports. */
export interface TestGateway {
  readonly url: string
  readonly port: number
  readonly adminUrl: string
  counts(): Promise<Record<string, number>>
  close(): Promise<void>
}

/** It shares its event loop with the test, whose own work is no reason to shed load. */
const IN_PROCESS = { PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'silent', DRAIN_MS: '500', SHED_LAG_MS: '0' }

export async function startGateway(settings: Record<string, string>): Promise<TestGateway> {
  const config = loadConfig({ ...IN_PROCESS, ...settings })
  const { app, admin, close } = await createGateway(config)
  await app.listen({ host: config.host, port: config.port })
  await admin.listen({ host: config.adminHost, port: config.adminPort })
  const port = (app.server.address() as AddressInfo).port
  const adminUrl = `http://127.0.0.1:${(admin.server.address() as AddressInfo).port}`
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    adminUrl,
    async counts() {
      const stats = (await (await fetch(`${adminUrl}/-/stats`)).json()) as { counts: Record<string, number> }
      return stats.counts
    },
    close,
  }
}
