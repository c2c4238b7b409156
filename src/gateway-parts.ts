import type { Live } from './live.ts'
import type { EventLoopLag } from './telemetry/event-loop-lag.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Upstream } from './upstream.ts'

/** The parts of a running gateway that its admin port tells of. */
export interface GatewayParts {
  live: Live
  telemetry: Telemetry
  lag: EventLoopLag
  upstream: Upstream
  isDraining(): boolean
}
