// What may be swapped while the gateway runs: its settings, the list of guards, and what of their state the settings
// are about. Whoever is in flight finishes on what it began with.
import type { CacheStore } from './cache/store.ts'
import type { GatewayConfig } from './config.ts'
import { changeConfig, type SettingChange } from './config-change.ts'
import type { GuardState } from './guard-state.ts'
import { retryBudget } from './guards/retry-budget.ts'
import { loadShedding, type Shed } from './load-shedding.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import type { EventLoopLag } from './telemetry/event-loop-lag.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Upstream } from './upstream.ts'

/** Everything that goes together: never a new list of guards on an old store. */
export interface Setup {
  readonly config: GatewayConfig
  readonly store: CacheStore
  readonly state: GuardState
  readonly pipeline: Pipeline
  readonly shed: Shed
}

export interface Live {
  readonly now: Setup
  /**
   * Goes over to other settings, whole and at once.
   * @throws ConfigError naming every problem; then nothing is changed
   */
  change(settings: unknown): readonly SettingChange[]
  close(): void
}

export interface LiveParts {
  readonly upstream: Upstream
  readonly telemetry: Telemetry
  readonly lag: EventLoopLag
  createStore(config: GatewayConfig): CacheStore
  /** For whatever else goes by the settings. */
  adopt(config: GatewayConfig): void
}

type Keys = readonly (keyof GatewayConfig)[]
const OF_THE_STORE: Keys = ['cache', 'cacheMaxBytes', 'cacheMaxBodyBytes']
const OF_THE_BREAKER: Keys = [
  'breakerErrorPercent',
  'breakerLeastCalls',
  'breakerWindowMs',
  'breakerResetMs',
  'slowCallMs',
]
const OF_THE_BUDGET: Keys = ['retryBudgetPercent', 'retryBudgetPerSecond']

export function createLive(config: GatewayConfig, state: GuardState, parts: LiveParts): Live {
  const setUp = (under: GatewayConfig, store: CacheStore, guardState: GuardState): Setup => ({
    config: under,
    store,
    state: guardState,
    pipeline: createPipeline(under, { ...parts, store, state: guardState }),
    shed: loadShedding(under, parts.lag),
  })
  let now = setUp(config, parts.createStore(config), state)
  return {
    get now() {
      return now
    },
    change(settings) {
      const before = now
      const { config: next, changed } = changeConfig(before.config, settings)
      if (changed.length === 0) return changed
      const differ = (keys: Keys) => keys.some(key => before.config[key] !== next[key])
      const store = differ(OF_THE_STORE) ? parts.createStore(next) : before.store
      if (differ(OF_THE_BREAKER)) before.state.breaker.renew(next)
      const budget = differ(OF_THE_BUDGET) ? retryBudget(next) : before.state.budget
      now = setUp(next, store, { ...before.state, budget })
      parts.adopt(next)
      if (store !== before.store) before.store.close()
      return changed
    },
    close() {
      now.state.breaker.close()
      now.store.close()
    },
  }
}
