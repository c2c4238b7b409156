// What a row of the API's table is made of.
import { writeJson } from '../json/json.ts'
import type { Lease } from '../leases/lease.ts'

export interface Call {
  /** Names from the path. */
  proxy: string
  toxic: string
  /** Of a lease, likewise. */
  id: string
  body: string
  /** Holds what the call brings about. */
  lease: Lease | undefined
}

export interface Answer {
  status: number
  text?: string
  type?: string
}

export interface Route {
  method: string
  path: string
  /** What X-Lease-Id means here. Left out: nothing, as to the real server, for there is nothing that a lease would undo. */
  leaseId?: 'holds' | 'refused'
  answer(call: Call): Answer | Promise<Answer>
}

export const json = (status: number, value: unknown): Answer => ({
  status,
  text: writeJson(value),
  type: 'application/json',
})

export const nothing: Answer = { status: 204 }
