/** So many keys are remembered, in use or not, before those in use are put into a map of their own. */
const LEAST_KEYS = 1_024

/**
 * A map of what comes and goes with every request. Nothing is ever deleted from the `Map` within: V8 gives one that
 * shrinks or grows a new table, and the old one goes on pointing to it. Once such a table has grown old, everything
 * that has passed through its successors stays in memory until the next full collection, and each of the quick ones
 * before that has it all to copy: tens of milliseconds under load, in place of one or two.
 */
export class TransientMap<Value extends object> {
  #values = new Map<string, Value | undefined>()
  #mostKeys = LEAST_KEYS

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: Value): void {
    if (this.#values.size >= this.#mostKeys) this.#renew()
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (this.#values.get(key) !== undefined) this.#values.set(key, undefined)
  }

  *[Symbol.iterator](): Generator<[string, Value]> {
    for (const [key, value] of this.#values) if (value !== undefined) yield [key, value]
  }

  #renew(): void {
    this.#values = new Map(this)
    this.#mostKeys = Math.max(LEAST_KEYS, 2 * this.#values.size)
  }
}
