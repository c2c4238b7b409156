// Toxics in their stages, without sockets: for tests that hold the clock.
import { ToxicCounts } from '../../chaos/proxy/counters.ts'
import type { Outlet } from '../../chaos/proxy/pipe.ts'
import { Stage, type StageToxic } from '../../chaos/proxy/stage.ts'
import { EXTENSION_KINDS } from '../../chaos/proxy/toxics/extensions/index.ts'
import { TOXIC_KINDS } from '../../chaos/proxy/toxics/index.ts'

interface StageOptions {
  random?: () => number
  toxicity?: number
}

export function toxicOf(
  type: string,
  attributes: StageToxic['attributes'],
  { toxicity = 1 }: StageOptions = {},
): StageToxic {
  const kind = (TOXIC_KINDS.get(type) ?? EXTENSION_KINDS.get(type))!
  return { name: type, kind, toxicity, attributes, shared: new Map(), counts: new ToxicCounts() }
}

/** A stage of the toxic on a connection that opens now, at 0 ms; its outlet writes down what came when. */
export function stageWith(toxic: StageToxic, { random = () => 0.5 }: StageOptions = {}) {
  const startedAt = performance.now()
  const now = () => Math.round(performance.now() - startedAt)
  const came: [atMs: number, text: string][] = []
  const outlet: Outlet & { hasRoom: boolean } = {
    onRoom: undefined,
    hasRoom: true,
    push: ({ data }) => void came.push([now(), data.toString()]),
    end: () => void came.push([now(), 'END']),
  }
  const context = {
    isFromTheStart: true,
    openedAt: startedAt,
    random: () => random,
    hangUp: () => void came.push([now(), 'HANG UP']),
    reset: () => void came.push([now(), 'RESET']),
    onDrained: () => {},
  }
  const stage = new Stage(toxic, outlet, context)
  stage.start()
  const push = (text: string) => stage.push({ data: Buffer.from(text), receivedAt: performance.now() })
  return { stage, toxic, outlet, came, push }
}

/** The same, of a toxic of its own. */
export function stageOf(type: string, attributes: StageToxic['attributes'], options: StageOptions = {}) {
  return stageWith(toxicOf(type, attributes, options), options)
}
