// The sample data: areas, each tying an action of one service to a reaction of another.
import { z } from 'zod'
import { type Random, randomStream } from '../../../chaos/random/seed.ts'

/** "When `event` happens at one service, do `task` at another." */
export interface Area {
  id: number
  name: string
  action: { service: string; event: string }
  reaction: { service: string; task: string }
  enabled: boolean
  /** ISO 8601. */
  created_at: string
}

/** Areas made from the seed: ids 1 to this. */
export const SEEDED_AREAS = 200

/** Areas that clients made are kept up to this many; the oldest goes first. */
export const CREATED_AREAS_KEPT = 1_000

const EVENTS: Record<string, string[]> = {
  github: ['push', 'issue-opened', 'pull-request-merged', 'release-published'],
  gitlab: ['pipeline-failed', 'tag-pushed'],
  stripe: ['payment-failed', 'invoice-paid', 'dispute-opened'],
  gmail: ['mail-received', 'label-added'],
  calendar: ['event-starting', 'event-cancelled'],
  shopify: ['order-placed', 'stock-low'],
  typeform: ['form-submitted'],
  weather: ['rain-expected', 'frost-warning'],
  spotify: ['track-saved', 'playlist-changed'],
  twitch: ['stream-started'],
}

const TASKS: Record<string, string[]> = {
  slack: ['post-message', 'set-topic'],
  discord: ['post-message', 'add-role'],
  trello: ['create-card', 'move-card'],
  notion: ['create-page', 'append-block'],
  gmail: ['send-mail'],
  sheets: ['append-row'],
  github: ['create-issue', 'add-label'],
  pagerduty: ['open-incident'],
  twilio: ['send-text'],
  hue: ['switch-light', 'set-scene'],
}

const FIRST_CREATED_MS = Date.UTC(2025, 0, 6, 8)
const HOUR_MS = 3_600_000

const word = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'lower-case words joined by "-"')

/** What a client sends to make an area. */
export const newAreaSchema = z.strictObject({
  name: z.string().min(1).max(100),
  action: z.strictObject({ service: word, event: word }),
  reaction: z.strictObject({ service: word, task: word }),
  enabled: z.boolean().default(true),
})
export type NewArea = z.output<typeof newAreaSchema>

/** The areas of one service: those of its seed, and those that clients made. */
export class Areas {
  readonly #byId = new Map<number, Area>()
  #lastId = 0

  constructor(seed: number) {
    const random = randomStream(seed, 'areas')
    for (let id = 1; id <= SEEDED_AREAS; id++) this.#byId.set(id, seededArea(id, random))
    this.#lastId = SEEDED_AREAS
  }

  get(id: number): Area | undefined {
    return this.#byId.get(id)
  }

  /** Areas of a page, from 1; past the last, none. */
  page(page: number, limit: number): Area[] {
    return [...this.#byId.values()].slice((page - 1) * limit, page * limit)
  }

  add(area: NewArea): Area {
    const id = ++this.#lastId
    const added = { id, ...area, created_at: new Date().toISOString() }
    this.#byId.set(id, added)
    this.#byId.delete(id - CREATED_AREAS_KEPT > SEEDED_AREAS ? id - CREATED_AREAS_KEPT : 0)
    return added
  }
}

function seededArea(id: number, random: Random): Area {
  const service = pick(Object.keys(EVENTS), random)
  const event = pick(EVENTS[service]!, random)
  const target = pick(
    Object.keys(TASKS).filter(name => name !== service),
    random,
  )
  const task = pick(TASKS[target]!, random)
  const createdMs = FIRST_CREATED_MS + (id + random()) * 6 * HOUR_MS
  return {
    id,
    name: `${sentence(service, event)}: ${task.replaceAll('-', ' ')} on ${target}`,
    action: { service, event },
    reaction: { service: target, task },
    enabled: random() < 0.9,
    created_at: new Date(createdMs).toISOString(),
  }
}

function sentence(service: string, event: string): string {
  return `${service[0]!.toUpperCase()}${service.slice(1)} ${event.replaceAll('-', ' ')}`
}

function pick<T>(list: T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!
}
