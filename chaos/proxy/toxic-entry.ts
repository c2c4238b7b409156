// A toxic of a proxy as the API creates, changes and shows it.
import type { Stream } from '../toxic.ts'
import { invalidStream, invalidType } from './api-error.ts'
import { fieldsOf, type Json } from './json.ts'
import type { ToxicKind } from './pipe.ts'
import type { StageToxic } from './stage.ts'
import { TOXIC_KINDS } from './toxics/index.ts'

export interface ToxicEntry extends StageToxic {
  readonly type: string
  readonly stream: Stream
  /** As the client typed it: the API echoes the spelling. */
  readonly streamAsTyped: string
}

type Attributes = StageToxic['attributes']

/**
 * Reads a toxic from a body. `isTaken` says whether the proxy has one of that name.
 * @throws ApiError of `refuseTaken`, or 400; in the real server's order: stream, type, name, attributes
 */
export function readToxic(
  body: Json,
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
  const kind = TOXIC_KINDS.get(given.type)
  if (kind === undefined) throw invalidType()
  const name = given.name || `${given.type}_${given.stream}`
  if (isTaken(name)) throw refuseTaken()

  return {
    name,
    type: given.type,
    stream,
    streamAsTyped: given.stream,
    kind,
    toxicity: given.toxicity,
    attributes: mergeAttributes(kind, given.type, {}, fields.any('attributes')),
  }
}

/** What the toxic would be after the body's changes; the toxic itself stays as it is. */
export function changedToxic(toxic: ToxicEntry, body: Json): ToxicEntry {
  const fields = fieldsOf(body, 'value of type toxics.ToxicWrapper')
  return {
    ...toxic,
    toxicity: fields.float32('toxicity', 'ToxicWrapper.toxicity') ?? toxic.toxicity,
    attributes: mergeAttributes(toxic.kind, toxic.type, toxic.attributes, fields.any('attributes')),
  }
}

function mergeAttributes(
  kind: ToxicKind,
  type: string,
  old: Attributes,
  given: Json | undefined,
): Attributes {
  const fields = fieldsOf(given, 'struct field ToxicWrapper.attributes of type toxics.NoopToxic')
  const path = (attribute: string) => `${goName(type)}.attributes.${attribute}`
  return Object.fromEntries(
    Object.keys(kind.attributes).map(name => [name, fields.int64(name, path(name)) ?? old[name] ?? 0]),
  )
}

/** `slow_close` is a SlowCloseToxic over there. */
function goName(type: string): string {
  return `${type.replace(/(?:^|_)(.)/g, (_match, letter: string) => letter.toUpperCase())}Toxic`
}

/** The toxic as the API shows it, fields in its order. */
export function showToxic({ attributes, name, type, streamAsTyped, toxicity }: ToxicEntry) {
  return { attributes, name, type, stream: streamAsTyped, toxicity }
}
