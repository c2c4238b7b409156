// One lease: holds what its owner put in, and undoes it when the owner no longer renews.
import { randomBytes } from 'node:crypto'
import { leaseNotFound } from '../api/api-error.ts'
import type { Log } from '../log.ts'
import type { Holder, Proxies } from '../proxies.ts'
import type { TcpProxy } from '../proxy.ts'
import type { ToxicEntry } from '../toxic-entry.ts'
import { type Held, heldProxy, heldSwitch, heldToxic } from './held.ts'

/** A timer this late means that the whole process stood still. */
const STOOD_STILL_MS = 100
/** Then, timers run before the requests that came meanwhile, and a renewal may be among those. */
const REPRIEVE_MS = 150

export interface LeaseContext {
  proxies: Proxies
  log: Log
  /** Called when it ends, before anything is undone. */
  onEnd(lease: Lease): void
}

export class Lease implements Holder {
  readonly id = randomBytes(10).toString('hex')
  readonly #context: LeaseContext
  #ttlMs: number
  #endsAt = 0
  #timer: NodeJS.Timeout | undefined
  #isReprieved = false
  #isOver = false
  /** In order of addition; kept when it is over, for a switch that is under way then may take back one of these. */
  #held: Held[] = []

  constructor(ttlMs: number, context: LeaseContext) {
    this.#ttlMs = ttlMs
    this.#context = context
    this.renew()
  }

  get ttlMs(): number {
    return this.#ttlMs
  }

  /** It ends so long from now, unless it is renewed again. What others have undone is forgotten. */
  renew(ttlMs = this.#ttlMs): void {
    this.#ttlMs = ttlMs
    this.#endsAt = performance.now() + ttlMs
    this.#isReprieved = false
    this.#forgetUndone()
    this.#wakeIn(ttlMs)
  }

  /** @throws ApiError 404 when it is over: what was added since is undone */
  assertStands(): void {
    if (this.#isOver) throw leaseNotFound()
  }

  added(proxy: TcpProxy, toxic: ToxicEntry): void {
    this.#hold(heldToxic(this.#context.proxies, proxy, toxic))
  }

  created(proxy: TcpProxy): void {
    this.#hold(heldProxy(this.#context.proxies, proxy))
  }

  switched(proxy: TcpProxy, wasEnabled: boolean): void {
    if (proxy.isEnabled === wasEnabled) return
    const earlier = this.#held.find(held => held.switched?.proxy === proxy)
    this.#held = this.#held.filter(held => held !== earlier)
    // There and back by the same hand leaves nothing to put back.
    if (earlier?.switched?.wasEnabled === !wasEnabled) return
    this.#hold(heldSwitch(this.#context.proxies, proxy, wasEnabled))
  }

  /** Undoes all that it holds, newest first, and says so in the log. Never rejects. */
  async end(why: string): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#context.onEnd(this)
    await this.#undo(this.#held.toReversed(), why)
  }

  /** The lease as the API shows it. */
  show() {
    this.#forgetUndone()
    const expiresInMs = Math.max(0, Math.ceil(this.#endsAt - performance.now()))
    const holds = this.#held.map(held => held.shown)
    return { id: this.id, ttl_ms: this.#ttlMs, expires_in_ms: expiresInMs, holds }
  }

  #hold(held: Held): void {
    if (this.#isOver) void this.#undo([held], 'was over before the call was')
    else this.#held.push(held)
  }

  #forgetUndone(): void {
    this.#held = this.#held.filter(held => held.isStill())
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#wake(), ms)
  }

  #wake(): void {
    const lateMs = performance.now() - this.#endsAt
    if (lateMs < 0) {
      this.#wakeIn(-lateMs)
    } else if (lateMs > STOOD_STILL_MS && !this.#isReprieved) {
      this.#isReprieved = true
      this.#wakeIn(REPRIEVE_MS)
    } else {
      void this.end(`was not renewed for ${this.#ttlMs} ms`)
    }
  }

  async #undo(things: Held[], why: string): Promise<void> {
    const undone: string[] = []
    const failed: string[] = []
    const undoOne = async (held: Held) => {
      try {
        if (await held.undo()) undone.push(held.what)
      } catch (error) {
        failed.push(`${held.what} (${(error as Error).message})`)
      }
    }
    // All are begun at once, in order: no toxic waits for a port, and the changes of one proxy keep their turns.
    await Promise.all(things.map(undoOne))
    const parts = [
      ...(undone.length > 0 ? [`undone: ${undone.join(', ')}`] : []),
      ...(failed.length > 0 ? [`not undone: ${failed.join(', ')}`] : []),
    ]
    const level = parts.length > 0 ? 'warn' : 'info'
    this.#context.log(level, `Lease ${this.id} ${why}; ${parts.join('; ') || 'nothing was left to undo'}`)
  }
}
