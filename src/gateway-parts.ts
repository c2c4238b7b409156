import type { CacheStore } from './cache/store.ts'
import type { GatewayConfig } from './config.ts'
import type { Pipeline } from './pipeline.ts'
import type { EventLoopLag } from './telemetry/event-loop-lag.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Upstream } from './upstream.ts'

/** The parts of a running gateway that its admin port tells of. */
export interface GatewayParts {
  config: GatewayConfig
  telemetry: Telemetry
  lag: EventLoopLag
  upstream: Upstream
  store: CacheStore
  pipeline: Pipeline
  isDraining(): boolean
}
