import { GatewayRequest, type GatewayResponse, type Next, type RequestParts } from '../../src/guards/guard.ts'

/** A request as the chain sees it, with no socket behind it. */
export function requestOf(parts: Partial<RequestParts> = {}, deadlineMs = Number.POSITIVE_INFINITY) {
  const now = performance.now()
  const whole: RequestParts = {
    method: 'GET',
    path: '/x',
    route: 'proxy',
    client: '127.0.0.1',
    headers: [],
    body: null,
    ...parts,
  }
  return new GatewayRequest(whole, now, now + deadlineMs)
}

/** A whole answer. */
export function answerOf(status = 200, body = 'ok', headers: string[] = []): GatewayResponse {
  return { status, headers, body: Buffer.from(body) }
}

/** One call that reached the end of the chain: the test decides what becomes of it. */
export interface HeldCall {
  request: GatewayRequest
  resolve(response: GatewayResponse): void
  reject(error: unknown): void
}

/** An upstream that answers when told to; a cancelled call ends at once, as a real one does. */
export function heldUpstream() {
  const calls: HeldCall[] = []
  const running = new Set<HeldCall>()
  let most = 0
  const next: Next = request =>
    new Promise((resolve, reject) => {
      const end = () => running.delete(call)
      const call: HeldCall = {
        request,
        resolve(response) {
          end()
          resolve(response)
        },
        reject(error) {
          end()
          reject(error)
        },
      }
      calls.push(call)
      running.add(call)
      most = Math.max(most, running.size)
      request.onCancel(reason => call.reject(reason))
    })
  return { next, calls, running, mostAtOnce: () => most }
}

/** Counts what a guard tells. */
export function teller() {
  const told: Record<string, number> = {}
  const tell = (what: string) => {
    told[what] = (told[what] ?? 0) + 1
  }
  return { tell, told }
}

/** What became of a promise: its value, or the code of the refusal. */
export function outcomeOf(promise: Promise<GatewayResponse>): Promise<number | string> {
  return promise.then(
    response => response.status,
    error => error.code ?? String(error),
  )
}

/** Lets every promise that can settle do so, with no timer run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
