// The rows of the API's table that only -extensions adds. The real server has none of them, and answers 404.
import type { Proxies } from '../proxies.ts'
import { EXTENSION_KINDS } from '../toxics/extensions/index.ts'
import { json, type Route } from './route.ts'

export function extensionRoutes(proxies: Proxies): Route[] {
  const toxics = [...EXTENSION_KINDS].map(([type, { attributes }]) => ({
    type,
    attributes: Object.keys(attributes),
  }))
  return [
    { method: 'GET', path: '/extensions', answer: () => json(200, { toxics }) },
    {
      method: 'GET',
      path: '/proxies/:proxy/counters',
      answer: ({ proxy }) => json(200, proxies.get(proxy).showCounters()),
    },
  ]
}
