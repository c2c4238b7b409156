// The rows of the API's table that are about leases. A real server has none of them, and answers 404.
import { parseJson } from '../json/json.ts'
import type { Leases } from '../leases/leases.ts'
import { json, nothing, type Route } from './route.ts'

export function leaseRoutes(leases: Leases): Route[] {
  const ofLease = '/leases/:id'
  return [
    {
      method: 'GET',
      path: '/leases',
      answer: () =>
        json(
          200,
          leases.all().map(lease => lease.show()),
        ),
    },
    {
      method: 'POST',
      path: '/leases',
      answer({ body }) {
        const { id, ttlMs } = leases.create(parseJson(body))
        return json(201, { id, ttl_ms: ttlMs })
      },
    },
    {
      method: 'POST',
      path: ofLease,
      answer({ id, body }) {
        leases.get(id) // one that is not there is told before a body that is wrong
        const { ttlMs } = leases.renew(id, body === '' ? null : parseJson(body))
        return json(200, { id, ttl_ms: ttlMs })
      },
    },
    {
      method: 'DELETE',
      path: ofLease,
      async answer({ id }) {
        await leases.get(id).end('was ended by its owner')
        return nothing
      },
    },
  ]
}
