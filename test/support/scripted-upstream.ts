import type { GatewayError } from '../../src/errors.ts'
import type { BodySource, GatewayResponse } from '../../src/guards/guard.ts'
import type { GatewayRequest } from '../../src/guards/request.ts'
import type { Upstream } from '../../src/upstream.ts'

/** What becomes of one call; times in ms, from its begin or from its header. */
export type Step =
  | { kind: 'answer'; afterMs: number; status: number; fields: readonly string[] }
  | { kind: 'stream'; afterMs: number; status: number; bodyMs: number; isTruncated: boolean }
  | { kind: 'failure'; afterMs: number; reason: GatewayError }
  | { kind: 'silence' }

/** An upstream that does as the script says, one step a call, over and over; a cancelled call ends at once. */
export function scriptedUpstream(script: readonly Step[]) {
  let calls = 0
  let inFlight = 0
  let most = 0
  const call = (request: GatewayRequest) => {
    const step = script[calls % script.length]!
    calls += 1
    inFlight += 1
    most = Math.max(most, inFlight)
    return new ScriptedCall(request, step, () => {
      inFlight -= 1
    }).answer
  }
  const upstream: Upstream = {
    call,
    adopt: () => {},
    get calls() {
      return calls
    },
    get inFlight() {
      return inFlight
    },
    inFlightReader: () => ({ take: () => most, close: () => {} }),
    endTunnels: () => {},
    close: async () => {},
  }
  return Object.assign(upstream, { mostAtOnce: () => most })
}

class ScriptedCall implements BodySource {
  readonly answer: Promise<GatewayResponse>
  readonly #settled: ((reason: Error | null) => void)[] = []
  readonly #ended: () => void
  readonly #request: GatewayRequest
  #reject: (reason: Error) => void = () => {}
  #timer: ReturnType<typeof setTimeout> | undefined
  #isOver = false
  #reason: Error | null = null

  constructor(request: GatewayRequest, step: Step, ended: () => void) {
    this.#request = request
    this.#ended = ended
    this.answer = new Promise((resolve, reject) => {
      this.#reject = reject
      if (step.kind !== 'silence')
        this.#timer = setTimeout(() => this.#go(request, step, resolve), step.afterMs)
    })
    request.link(this)
  }

  #go(request: GatewayRequest, step: Step, resolve: (response: GatewayResponse) => void): void {
    if (step.kind === 'silence' || this.#isOver) return
    if (step.kind === 'failure') {
      this.#end(step.reason)
      return
    }
    request.noteAnswer()
    if (step.kind === 'answer') {
      this.#end(null)
      resolve({ status: step.status, headers: step.fields, body: Buffer.from('ok') })
      return
    }
    this.#timer = setTimeout(
      () => this.#end(step.isTruncated ? new Error('it broke off') : null),
      step.bodyMs,
    )
    resolve({ status: step.status, headers: ['cache-control', 'no-store'], body: this })
  }

  #end(reason: Error | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    clearTimeout(this.#timer)
    this.#request.unlink(this)
    this.#ended()
    if (reason !== null) this.#reject(reason)
    for (const settle of this.#settled) settle(reason)
  }

  pipe(): void {}
  resume(): void {}

  abort(reason: Error): void {
    this.#end(reason)
  }

  cancel(reason: Error): void {
    this.#end(reason)
  }

  onEnd(settled: (reason: Error | null) => void): void {
    if (this.#isOver) settled(this.#reason)
    else this.#settled.push(settled)
  }
}
