// The Fastify app before its routes: how it listens, and what it refuses before a route is looked for.
import { METHODS } from 'node:http'
import type { Duplex } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { GatewayConfig } from '../config.ts'
import { GatewayError } from '../errors.ts'
import type { Account } from '../telemetry/account.ts'
import type { Log } from '../telemetry/log.ts'
import type { Trust } from '../trusted-proxies.ts'
import { refuseConnection, rejectConnection } from './client-error.ts'
import { refuseEarly } from './refuse-early.ts'
import { dropRest } from './reply.ts'
import { hasBody, MOST_FIELDS, methodNotAllowed, requestProblem } from './request-problem.ts'
import { pathOfTarget } from './target.ts'
import { awaitTurn } from './turn.ts'
import { mayUpgrade } from './upgrade.ts'

/** Node looks so often for headers that are late. */
const LATE_CHECK_MS = 500

export function createApp(config: GatewayConfig, trusts: Trust, account: Account, log: Log): FastifyInstance {
  const app = fastify({
    return503OnClosing: false,
    rewriteUrl: pathOfTarget,
    trustProxy: config.trustedProxies.length > 0 && (address => trusts(address)),
    http: {
      headersTimeout: config.headerMs,
      // A body has as long as it takes, while it keeps coming.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(LATE_CHECK_MS, config.headerMs),
      // Refused below, with a reason.
      requireHostHeader: false,
      joinDuplicateHeaders: true,
      ...(config.upgrades === 'websocket' && { shouldUpgradeCallback: mayUpgrade }),
    },
    clientErrorHandler: (error, socket) => rejectConnection(account, error, socket),
    frameworkErrors: (error, request, reply) =>
      refuseEarly(account, request, reply, new GatewayError('bad-path', error.message)),
  })
  // No body is ever parsed here: to Fastify every method is one without a body.
  for (const method of METHODS) {
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  }
  const admit = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const { raw } = request
    if (hasBody(raw)) reply.raw.once('close', () => dropRest(raw))
    const problem = requestProblem(raw, config.uploadMaxBytes)
    if (problem === undefined) return done()
    // What follows a body of doubtful length is not read as a request.
    const isLast = raw.headers['transfer-encoding'] !== undefined
    refuseEarly(account, request, reply, problem, { isLast })
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (reply.raw.socket !== null) admit(request, reply, done)
    else awaitTurn(reply.raw, request.raw.socket, () => admit(request, reply, done))
  })
  app.setErrorHandler((error, request, reply) => {
    log.error({ err: error }, 'a request failed inside the gateway')
    refuseEarly(account, request, reply, error)
  })
  listenToServer(app, account)
  return app
}

/** What Node's server would answer by itself, or with nothing. */
function listenToServer({ server }: FastifyInstance, account: Account): void {
  server.maxHeadersCount = MOST_FIELDS + 1
  // 100 goes out when the upstream takes the body, not before.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  // Refused like others, with a reason.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => {})
    refuseConnection(account, socket, methodNotAllowed('CONNECT'))
  })
}
