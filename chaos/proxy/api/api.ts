// The control API as a table: what is asked, and what answers it (wire format of 2.12.0).
import { parseJson } from '../json/json.ts'
import type { Leases } from '../leases/leases.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Proxies } from '../proxies.ts'
import { showProxy } from '../proxy.ts'
import { showToxic } from '../toxic-entry.ts'
import { ApiError } from './api-error.ts'
import { extensionRoutes } from './extension-routes.ts'
import { leaseRoutes } from './lease-routes.ts'
import { type Answer, type Call, json, nothing, type Route } from './route.ts'

const METRICS_TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'

export interface ApiOptions {
  proxies: Proxies
  leases: Leases
  metrics: Metrics
  log: Log
  /** What /version says. */
  version: string
  /** Serves what the real server does not have, too. */
  hasExtensions: boolean
}

/** The real server's rows, those of leases, and what was asked for by a flag. */
export function routes({ proxies, leases, version, metrics, hasExtensions }: ApiOptions): Route[] {
  const ofProxy = '/proxies/:proxy'
  const ofToxic = '/proxies/:proxy/toxics/:toxic'
  const updateProxy: Route['answer'] = async ({ proxy, body, lease }) => {
    proxies.get(proxy) // one that is not there is told before a body that is wrong
    return json(200, showProxy(await proxies.update(proxy, parseJson(body), lease)))
  }
  const updateToxic: Route['answer'] = ({ proxy, toxic, body }) => {
    const owner = proxies.get(proxy)
    owner.toxic(toxic) // likewise
    return json(200, showToxic(owner.updateToxic(toxic, parseJson(body))))
  }
  return [
    {
      method: 'GET',
      path: '/proxies',
      answer: () => json(200, Object.fromEntries(proxies.all().map(proxy => [proxy.name, showProxy(proxy)]))),
    },
    {
      method: 'POST',
      path: '/proxies',
      leaseId: 'holds',
      answer: async ({ body, lease }) => json(201, showProxy(await proxies.create(parseJson(body), lease))),
    },
    { method: 'GET', path: ofProxy, answer: ({ proxy }) => json(200, showProxy(proxies.get(proxy))) },
    { method: 'PATCH', path: ofProxy, leaseId: 'holds', answer: updateProxy },
    { method: 'POST', path: ofProxy, leaseId: 'holds', answer: updateProxy },
    {
      method: 'DELETE',
      path: ofProxy,
      answer: async ({ proxy }) => {
        await proxies.delete(proxy)
        return nothing
      },
    },
    {
      method: 'GET',
      path: `${ofProxy}/toxics`,
      answer: ({ proxy }) => json(200, proxies.get(proxy).toxics().map(showToxic)),
    },
    {
      method: 'POST',
      path: `${ofProxy}/toxics`,
      leaseId: 'holds',
      answer({ proxy, body, lease }) {
        const owner = proxies.get(proxy)
        const added = owner.addToxic(parseJson(body))
        lease?.added(owner, added)
        return json(200, showToxic(added))
      },
    },
    {
      method: 'GET',
      path: ofToxic,
      answer: ({ proxy, toxic }) => json(200, showToxic(proxies.get(proxy).toxic(toxic))),
    },
    { method: 'PATCH', path: ofToxic, leaseId: 'refused', answer: updateToxic },
    { method: 'POST', path: ofToxic, leaseId: 'refused', answer: updateToxic },
    {
      method: 'DELETE',
      path: ofToxic,
      answer: ({ proxy, toxic }) => {
        proxies.get(proxy).removeToxic(toxic)
        return nothing
      },
    },
    { method: 'POST', path: '/populate', leaseId: 'holds', answer: call => populate(proxies, call) },
    {
      method: 'POST',
      path: '/reset',
      answer: async () => {
        await proxies.reset()
        return nothing
      },
    },
    {
      method: 'GET',
      path: '/version',
      answer: () => ({
        status: 200,
        text: `{"version": "${version}"}\n`,
        type: 'application/json;charset=utf-8',
      }),
    },
    ...leaseRoutes(leases),
    ...(metrics.isOn ? [metricsRoute(metrics)] : []),
    ...(hasExtensions ? extensionRoutes(proxies) : []),
  ]
}

export const ANY_METHOD = 'any'

function metricsRoute(metrics: Metrics): Route {
  return {
    method: ANY_METHOD,
    path: '/metrics',
    answer: () => ({ status: 200, text: metrics.text(), type: METRICS_TEXT }),
  }
}

/** The one route whose errors are JSON, and say what was done before them. */
async function populate(proxies: Proxies, { body, lease }: Call): Promise<Answer> {
  try {
    const { proxies: done, error } = await proxies.populate(parseJson(body), lease)
    const shown = done.length === 0 ? null : done.map(showProxy)
    return error === undefined ? json(201, { proxies: shown }) : populateError(error, shown)
  } catch (error) {
    return populateError(error, null)
  }
}

function populateError(error: unknown, proxies: unknown): Answer {
  if (!(error instanceof ApiError)) throw error
  return json(error.status, { error: error.message, status: error.status, proxies })
}
