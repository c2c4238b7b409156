import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { FastifyRequest } from 'fastify'
import { GatewayError } from '../errors.ts'
import type { Tunnel } from '../guards/guard.ts'
import type { GatewayRequest } from '../guards/request.ts'
import type { Account, EndedRequest } from '../telemetry/account.ts'
import { type Outcome, outcomeOfRefusal } from '../telemetry/outcome.ts'
import { cacheStatus, clientGone } from './reply.ts'

/** A request and its answer. Told of once, when the outcome is known and the last byte has gone, or nobody takes it. */
export class Exchange implements EndedRequest {
  readonly asked: GatewayRequest
  readonly #account: Account
  readonly #request: FastifyRequest
  readonly #raw: ServerResponse
  #settled: Outcome | undefined
  #isClosed = false
  #isTunnel = false
  durationMs = 0

  constructor(account: Account, request: FastifyRequest, raw: ServerResponse, asked: GatewayRequest) {
    this.asked = asked
    this.#account = account
    this.#request = request
    this.#raw = raw
    raw.on('close', () => this.#close())
  }

  /** What became of the request; its answer may still be on its way. Once its client has left, nothing else comes of it. */
  settle(outcome: Outcome): void {
    if (this.#settled !== undefined) return
    this.#settled = outcome
    this.#account.settled(outcome)
    if (this.#isClosed) this.#account.ended(this)
  }

  /** The connection leaves HTTP, which tells of its end no more: the tunnel does. */
  follow(tunnel: Tunnel): void {
    this.#isTunnel = true
    tunnel.onEnd(reason => {
      this.asked.trace.brokeOff = reason ?? undefined
      this.#close()
    })
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.durationMs = performance.now() - this.asked.arrivedAt
    if (this.#settled === undefined) {
      const reason = clientGone()
      this.asked.cancel(reason)
      this.settle(outcomeOfRefusal(reason))
      return
    }
    // Not its answer, where what came after the header turned out not to be HTTP.
    if (!this.#raw.writableFinished) this.asked.cancel(clientGone())
    this.#account.ended(this)
  }

  /** An answer that broke off ended as what broke it off, whatever its header had said. */
  get outcome(): Outcome {
    const settled = this.#settled!
    const { brokeOff } = this.asked.trace
    if (brokeOff instanceof GatewayError) return this.#brokenBy(brokeOff)
    const isWhole = this.#isTunnel || this.#raw.writableFinished || settled.class === 'gone'
    return isWhole ? settled : this.#brokenBy(clientGone())
  }

  #brokenBy(reason: GatewayError): Outcome {
    return { ...outcomeOfRefusal(reason), status: this.#raw.statusCode }
  }

  get method(): string {
    return this.#request.method
  }

  get target(): string {
    return this.#request.raw.url ?? ''
  }

  get client(): string {
    return this.asked.parts.client
  }

  get cacheStatus(): string {
    const { what, status } = this.#settled!
    return cacheStatus(this.asked.trace, what.startsWith('status-') ? status : undefined)
  }
}
