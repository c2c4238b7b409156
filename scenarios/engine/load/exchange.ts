import { crc32 } from 'node:zlib'
import type { Dispatcher } from 'undici'
import type { AnswerHeaders } from './classify.ts'
import type { Ending } from './messages.ts'

/** A refusal's body is read up to this many bytes; beyond it, it is no refusal of ours. */
const PROBLEM_LIMIT_BYTES = 16_384

const NO_HEADERS: AnswerHeaders = {}

/** One request of one arm, from its sending to its one ending. */
export interface ExchangeOptions {
  index: number
  key: number
  isRead: boolean
  path: string
  dueMs: number
  sentMs: number
  /** Keep a checksum of the body. */
  isStamped: boolean
}

/**
 * Listens to one exchange as undici reports it and says once, to `onSettled`, how it ended. Whoever holds it may end
 * it first with `expire`; what undici says afterwards is ignored.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly options: ExchangeOptions
  isSettled = false
  status = 0
  headers: AnswerHeaders = NO_HEADERS
  bodyCrc = 0
  problem = ''
  readonly #onSettled: (exchange: Exchange, ending: Ending) => void
  #controller: Dispatcher.DispatchController | null = null
  #isProblem = false

  constructor(options: ExchangeOptions, onSettled: (exchange: Exchange, ending: Ending) => void) {
    this.options = options
    this.#onSettled = onSettled
  }

  /** Ends it as timed out and aborts the call, which closes its connection. */
  expire(): void {
    this.#settle('timeout')
    this.#controller?.abort(new Error('the client deadline has passed'))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It may have expired while it waited for its connection.
    if (this.isSettled) controller.abort(new Error('the client deadline had passed'))
    else this.#controller = controller
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (status < 200) return
    this.status = status
    this.headers = headers
    if (status < 400) return
    const type = headers['content-type']
    this.#isProblem = typeof type === 'string' && type.startsWith('application/problem+json')
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.options.isStamped) this.bodyCrc = crc32(chunk, this.bodyCrc)
    if (this.#isProblem && this.problem.length < PROBLEM_LIMIT_BYTES) this.problem += chunk.toString('utf8')
  }

  onResponseEnd(): void {
    this.#settle('ok')
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(endingOf(error))
  }

  #settle(ending: Ending): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#onSettled(this, ending)
  }
}

const RESET_CODES = ['ECONNRESET', 'EPIPE', 'ECONNABORTED']
const REFUSED_CODES = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]

/**
 * How an error of undici's reads on the wire. `refused`: there was no connection. `reset`: it was torn down (RST).
 * `closed`: the peer closed before the answer was whole, or what it sent was not HTTP.
 */
export function endingOf(error: Error): Ending {
  const code = 'code' in error ? String(error.code) : ''
  if (RESET_CODES.includes(code)) return 'reset'
  return REFUSED_CODES.includes(code) ? 'refused' : 'closed'
}
