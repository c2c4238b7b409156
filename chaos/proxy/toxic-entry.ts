// A toxic of a proxy as the API creates, changes and shows it.
import type { Stream } from '../toxic.ts'
import { invalidStream, invalidType, senselessValues } from './api/api-error.ts'
import { mergeAttributes } from './attributes.ts'
import { ToxicCounts } from './counters.ts'
import { fieldsOf, type Json } from './json/json.ts'
import type { ToxicKind } from './pipe.ts'
import type { StageToxic } from './stage.ts'
import { EXTENSION_KINDS } from './toxics/extensions/index.ts'
import { TOXIC_KINDS } from './toxics/index.ts'
import { valueProblems } from './value-problems.ts'

/** What a server takes as a toxic. */
export interface ToxicRules {
  /** The kinds that the real server does not have, too. */
  hasExtensions: boolean
  /** Refuses values that make no sense, instead of warning of them. */
  isStrict: boolean
}

export interface ToxicEntry extends StageToxic {
  readonly type: string
  readonly stream: Stream
  /** As the client typed it: the API echoes the spelling. */
  readonly streamAsTyped: string
}

/**
 * Reads a toxic from a body. `isTaken` says whether the proxy has one of that name.
 * @throws ApiError of `refuseTaken`, or 400; in the real server's order: stream, type, name, attributes
 */
export function readToxic(
  body: Json,
  rules: ToxicRules,
  isTaken: (name: string) => boolean,
  refuseTaken: () => Error,
): ToxicEntry {
  const fields = fieldsOf(body, 'value of type toxics.ToxicWrapper')
  const given = {
    name: fields.string('name', 'ToxicWrapper.name'),
    type: fields.string('type', 'ToxicWrapper.type') ?? '',
    stream: fields.string('stream', 'ToxicWrapper.stream') ?? 'downstream',
    toxicity: fields.float32('toxicity', 'ToxicWrapper.toxicity') ?? 1,
  }
  const stream = given.stream.toLowerCase()
  if (stream !== 'upstream' && stream !== 'downstream') throw invalidStream()
  const kind = kindOfType(given.type, rules)
  if (kind === undefined) throw invalidType()
  const name = given.name || `${given.type}_${given.stream}`
  if (isTaken(name)) throw refuseTaken()

  return allowed(rules, {
    name,
    type: given.type,
    stream,
    streamAsTyped: given.stream,
    kind,
    toxicity: given.toxicity,
    attributes: readAttributes(
      { kind, type: given.type, attributes: {} },
      fields.any('attributes'),
      'ToxicWrapper.attributes of type toxics.NoopToxic',
    ),
    shared: new Map(),
    counts: new ToxicCounts(),
  })
}

/** What the real server calls the body of an update, which has no name of its own there. */
const CHANGE =
  'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'

/** What the toxic would be after the body's changes; the toxic itself stays as it is. */
export function changedToxic(toxic: ToxicEntry, body: Json, rules: ToxicRules): ToxicEntry {
  const fields = fieldsOf(body, `value of type ${CHANGE}`)
  return allowed(rules, {
    ...toxic,
    toxicity: fields.float32('toxicity', '.toxicity') ?? toxic.toxicity,
    attributes: readAttributes(
      toxic,
      fields.any('attributes'),
      `.attributes of type toxics.${goName(toxic.type)}`,
    ),
    shared: new Map(),
  })
}

function kindOfType(type: string, { hasExtensions }: ToxicRules): ToxicKind | undefined {
  return TOXIC_KINDS.get(type) ?? (hasExtensions ? EXTENSION_KINDS.get(type) : undefined)
}

function allowed({ isStrict }: ToxicRules, toxic: ToxicEntry): ToxicEntry {
  const problems = isStrict ? valueProblems(toxic) : []
  if (problems.length > 0) throw senselessValues(problems)
  return toxic
}

/** `field` is what the real server calls the attributes when they are no object. */
function readAttributes(
  { kind, type, attributes: old }: Pick<ToxicEntry, 'kind' | 'type' | 'attributes'>,
  given: Json | undefined,
  field: string,
): StageToxic['attributes'] {
  const fields = fieldsOf(given, `struct field ${field}`)
  return mergeAttributes(kind.attributes, old, fields, name => `${goName(type)}.attributes.${name}`)
}

/** `slow_close` is a SlowCloseToxic over there, and there is one exception. */
function goName(type: string): string {
  if (type === 'reset_peer') return 'ResetToxic'
  return `${type.replace(/(?:^|_)(.)/g, (_match, letter: string) => letter.toUpperCase())}Toxic`
}

/** The toxic as the API shows it, fields in its order. */
export function showToxic({ attributes, name, type, streamAsTyped, toxicity }: ToxicEntry) {
  return { attributes, name, type, stream: streamAsTyped, toxicity }
}
