// The leases of a server, and what the API can do to them.
import { leaseNotFound, wrongTtl } from '../api/api-error.ts'
import { fieldsOf, type Json, JsonNumber, kindOf } from '../json/json.ts'
import { Lease, type LeaseContext } from './lease.ts'

const SHORTEST_TTL_MS = 100
const LONGEST_TTL_MS = 3_600_000

export class Leases {
  readonly #byId = new Map<string, Lease>()
  readonly #context: LeaseContext

  constructor(context: Omit<LeaseContext, 'onEnd'>) {
    this.#context = { ...context, onEnd: ({ id }) => this.#byId.delete(id) }
  }

  /** In order of creation. */
  all(): Lease[] {
    return [...this.#byId.values()]
  }

  /** @throws ApiError 404, also for one that has ended */
  get(id: string): Lease {
    const lease = this.#byId.get(id)
    if (lease === undefined) throw leaseNotFound()
    return lease
  }

  create(body: Json): Lease {
    const ttlMs = readTtl(body)
    if (ttlMs === undefined) throw wrongTtl(SHORTEST_TTL_MS, LONGEST_TTL_MS, 'nothing')
    const lease = new Lease(ttlMs, this.#context)
    this.#byId.set(lease.id, lease)
    return lease
  }

  /** From now on for as long as before, or as long as the body says. */
  renew(id: string, body: Json): Lease {
    const lease = this.get(id)
    lease.renew(readTtl(body))
    return lease
  }
}

function readTtl(body: Json): number | undefined {
  const given = fieldsOf(body, 'value of type Lease').any('ttl_ms')
  if (given === undefined) return undefined
  const text = given instanceof JsonNumber ? given.text : ''
  const ttlMs = Number(text)
  if (/^\d+$/.test(text) && ttlMs >= SHORTEST_TTL_MS && ttlMs <= LONGEST_TTL_MS) return ttlMs
  throw wrongTtl(SHORTEST_TTL_MS, LONGEST_TTL_MS, shown(given))
}

/** As it was given, in few characters. */
function shown(value: Json): string {
  if (value instanceof JsonNumber) return value.text.slice(0, 40)
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : kindOf(value)
}
