import { isMeant } from './cache/purge.ts'
import { overtake } from './cache/shelf.ts'
import { epochNow } from './epoch-now.ts'
import { GatewayError } from './errors.ts'
import type { Live } from './live.ts'
import type { Controls } from './routes/admin-writes.ts'
import type { LineLog } from './telemetry/access-log.ts'
import type { Telemetry } from './telemetry/events.ts'

/** The levers of the admin port. Whatever they change is told on the event stream and in the log. */
export function createControls(live: Live, telemetry: Telemetry, log: LineLog): Controls {
  return {
    change(settings) {
      const changed = live.change(settings)
      if (changed.length > 0) {
        telemetry.announce('config', { at: epochNow(), changed })
        log.info({ changed }, 'settings changed')
      }
      return changed
    },
    async purge(purge) {
      const { store, underWay } = live.now
      overtake(underWay, key => isMeant(purge, key))
      await store.purge(purge)
      telemetry.announce('purge', { at: epochNow(), purged: purge })
      log.info({ purged: purge }, 'cache purged')
    },
    hold(hold) {
      const { config, state } = live.now
      const { breaker } = state
      if (hold !== null && !config.guards.includes('breaker'))
        throw new GatewayError('bad-request', 'breaker is not among the GUARDS: nothing would go by the hold')
      breaker.hold(hold)
      telemetry.announce('hold', { at: epochNow(), hold })
      log.info({ hold }, 'breaker held')
      return breaker.state
    },
  }
}
