// Toxics that the real server does not have: the embedded proxy is told to have them, any other is asked before a start.
import { isExtension } from '../../../chaos/toxic.ts'
import type { Toxiproxy } from '../../../chaos/toxiproxy.ts'
import { RunError } from '../run-error.ts'
import type { Scenario } from '../scenario.ts'

/** The types of toxic that a scenario uses beside Toxiproxy's eight. */
export function extensionsOf({ phases }: Scenario): string[] {
  const toxics = phases.flatMap(({ faults }) =>
    faults.flatMap(fault => (fault.kind === 'toxic' && isExtension(fault.toxic) ? [fault.toxic.type] : [])),
  )
  return [...new Set(toxics)]
}

/** @throws RunError naming those that the server does not have */
export async function assertExtensions(scenario: Scenario, toxiproxy: Toxiproxy): Promise<void> {
  const wanted = extensionsOf(scenario)
  if (wanted.length === 0) return
  const has = await toxiproxy.extensions()
  const missing = wanted.filter(type => !has.includes(type))
  if (missing.length === 0) return
  throw new RunError(
    `${scenario.name} needs ${missing.join(', ')}, which the Toxiproxy at ${toxiproxy.url} does not have, nor has any ` +
      'real one: leave out --toxiproxy and TOXIPROXY_URL, or start our own there, npm run toxiproxy -- -extensions',
  )
}
