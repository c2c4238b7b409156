// What may be swapped while the gateway runs: its settings, the list of guards, and what of their state the settings
// are about. Whoever is in flight finishes on what it began with.
import { overtake, type UnderWay } from './cache/shelf.ts'
import type { CacheStore } from './cache/store.ts'
import type { GatewayConfig } from './config.ts'
import { changeConfig, type SettingChange } from './config-change.ts'
import type { GuardState } from './guard-state.ts'
import type { GuardName } from './guards/guard.ts'
import { retryBudget } from './guards/retry-budget.ts'
import { loadShedding, type Shed } from './load-shedding.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import type { EventLoopLag } from './telemetry/event-loop-lag.ts'
import type { Telemetry } from './telemetry/events.ts'
import { TransientMap } from './transient-map.ts'
import type { Upstream } from './upstream.ts'

/** Everything that goes together: never a new list of guards on an old store. */
export interface Setup {
  readonly config: GatewayConfig
  readonly store: CacheStore
  /** What is on its way into the store: a list of guards may still bring what the next one has made doubtful. */
  readonly underWay: UnderWay
  readonly state: GuardState
  readonly pipeline: Pipeline
  readonly shed: Shed
}

export interface Live {
  /** Held by the request that goes by it, never for longer. */
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

function isTakenOut(guard: GuardName, before: GatewayConfig, next: GatewayConfig): boolean {
  return before.guards.includes(guard) && !next.guards.includes(guard)
}

export function createLive(config: GatewayConfig, state: GuardState, parts: LiveParts): Live {
  const setUp = (under: GatewayConfig, kept: Pick<Setup, 'store' | 'underWay' | 'state'>): Setup => ({
    config: under,
    ...kept,
    pipeline: createPipeline(under, { ...parts, ...kept }),
    shed: loadShedding(under, parts.lag),
  })
  const emptyCache = (under: GatewayConfig) => {
    const underWay: UnderWay = new TransientMap()
    const store = parts.createStore(under)
    store.onForgotten?.(isMeant => overtake(underWay, isMeant))
    return { store, underWay }
  }
  const live = {
    now: setUp(config, { ...emptyCache(config), state }),
    change(settings: unknown) {
      const before = live.now
      const { config: next, changed } = changeConfig(before.config, settings)
      if (changed.length === 0) return changed
      const differ = (keys: Keys) => keys.some(key => before.config[key] !== next[key])
      const cache = differ(OF_THE_STORE)
        ? emptyCache(next)
        : { store: before.store, underWay: before.underWay }
      const { breaker } = before.state
      if (differ(OF_THE_BREAKER)) breaker.renew(next)
      if (isTakenOut('breaker', before.config, next)) breaker.retire(next)
      // Of what was written while there was no cache, or another, it has not heard.
      const goesOn = next.guards.includes('cache') && !before.config.guards.includes('cache')
      if (goesOn || (differ(['cache']) && next.cache !== 'off')) {
        overtake(cache.underWay, () => true)
        cache.store.empty()
      }
      const budget = differ(OF_THE_BUDGET) ? retryBudget(next) : before.state.budget
      live.now = setUp(next, { ...cache, state: { ...before.state, budget } })
      parts.adopt(next)
      if (cache.store !== before.store) before.store.close()
      return changed
    },
    close() {
      live.now.state.breaker.close()
      live.now.store.close()
    },
  }
  return live
}
