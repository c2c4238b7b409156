// The values of a toxic's attributes, as the API takes them and as the toxic gets them.
import type { Fields } from './json/json.ts'
import type { Attributes, ListRange, Range, ToxicValues } from './pipe.ts'

type Integer = number | bigint
export type AttributeValues = Readonly<Record<string, Integer | readonly Integer[]>>

export function isList(range: Range | ListRange): range is ListRange {
  return 'mostItems' in range
}

/** Every attribute: as given, or else as it was, or else 0, or no items. `path` names one in the real server's words. */
export function mergeAttributes(
  attributes: Attributes,
  old: AttributeValues,
  given: Fields,
  path: (name: string) => string,
): AttributeValues {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, range]) =>
      isList(range)
        ? [name, given.int64s(name, path(name)) ?? old[name] ?? []]
        : [name, given.int64(name, path(name)) ?? old[name] ?? 0],
    ),
  )
}

/** One for all connections: a list may be long. */
const usableOf = new WeakMap<AttributeValues, ToxicValues>()

/** The API takes any 64-bit integer; under 0 counts as 0. */
export function usable(values: AttributeValues): ToxicValues {
  const known = usableOf.get(values)
  if (known !== undefined) return known
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'object' ? value.map(atLeastZero) : atLeastZero(value),
  ])
  const made = Object.fromEntries(entries) as ToxicValues
  usableOf.set(values, made)
  return made
}

function atLeastZero(value: Integer): number {
  return Math.max(0, Number(value))
}
