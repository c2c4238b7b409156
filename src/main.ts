// Process entry: config → server → listen → close on a signal.
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ConfigError, type GatewayConfig, loadConfig } from './config.ts'
import { createGateway, type Gateway } from './server.ts'

/** For what is left to close once the requests under way are finished or ended. */
const CLOSE_MS = 1_000

const config = readConfig()
const gateway = await createGateway(config)
let isClosing = false

// Whoever read the log may go first; its last lines are then lost, and that must not end us out of turn.
process.stdout.on('error', () => {})
process.on('SIGTERM', () => shutDown('SIGTERM'))
process.on('SIGINT', () => shutDown('SIGINT'))
process.on('disconnect', () => shutDown('the parent process is gone'))

const ports = {
  http: await listen(gateway.app, config.host, config.port, 'PORT'),
  admin: await listen(gateway.admin, config.adminHost, config.adminPort, 'ADMIN_PORT'),
}
gateway.log.info(
  {
    ports,
    upstream: config.upstreamOrigin + config.upstreamBasePath,
    guards: config.guards,
    cache: config.cache,
  },
  `listening on http://${config.host}:${ports.http}, admin on http://${config.adminHost}:${ports.admin}`,
)
process.send?.({ ready: true, ports })

function readConfig(): GatewayConfig {
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return refuse(error.problems)
  }
}

async function listen(app: FastifyInstance, host: string, port: number, setting: string): Promise<number> {
  try {
    // Fastify would say so twice.
    await app.ready()
    await new Promise<void>((resolve, reject) => {
      app.server.once('error', reject).listen({ host, port }, resolve)
    })
    return (app.server.address() as AddressInfo).port
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE')
      return refuse([`port ${port} on ${host} is in use; set ${setting} to a free one`])
    return refuse([
      `cannot listen on ${host}:${port} (${code}); set ${setting.replace('PORT', 'HOST')} or ${setting}`,
    ])
  }
}

/** One line per problem, no stack. */
function refuse(problems: readonly string[]): never {
  for (const problem of problems) process.stderr.write(`leeward: ${problem}\n`)
  process.exit(1)
}

function shutDown(reason: string): void {
  if (isClosing) return
  isClosing = true
  gateway.log.info({ reason }, 'draining')
  setTimeout(leave, gateway.drainMs() + CLOSE_MS).unref()
  finish(gateway)
}

/** The end, whatever still holds up the close. */
function leave(): never {
  gateway.log.warn('stopped before everything was closed')
  process.exit(0)
}

async function finish({ close, log }: Gateway): Promise<void> {
  await close()
  log.info('stopped')
  process.exit(0)
}
