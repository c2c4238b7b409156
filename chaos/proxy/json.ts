// JSON as the real server understands and writes it: case-blind keys, integers to 64 bits, its own escapes.
import { badBody } from './api-error.ts'
import { type Json, JsonNumber } from './json-reader.ts'

export { type Json, JsonNumber, parseJson } from './json-reader.ts'

/** What a value is called in the real server's messages. */
export function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof JsonNumber) return 'number'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** The fields of a body that must be an object, or `null` for none at all. `goType` stands in the message. */
export function fieldsOf(value: Json | undefined, target: string): Fields {
  if (value === undefined || value === null) return new Fields({})
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof JsonNumber) {
    throw badBody(`json: cannot unmarshal ${kindOf(value)} into Go ${target}`)
  }
  return new Fields(value)
}

/** Typed access to an object's fields, whatever the case of their names; a missing or null field is undefined. */
export class Fields {
  readonly #values: Map<string, Json>

  constructor(object: { [key: string]: Json }) {
    const given = Object.entries(object).filter(([, value]) => value !== null)
    this.#values = new Map(given.map(([key, value]) => [key.toLowerCase(), value]))
  }

  any(name: string): Json | undefined {
    return this.#values.get(name)
  }

  string(name: string, path: string): string | undefined {
    const value = this.#values.get(name)
    return value === undefined || typeof value === 'string' ? value : this.#mismatch(value, path, 'string')
  }

  boolean(name: string, path: string): boolean | undefined {
    const value = this.#values.get(name)
    return value === undefined || typeof value === 'boolean' ? value : this.#mismatch(value, path, 'bool')
  }

  /** A 32-bit float, in the fewest digits that name it. */
  float32(name: string, path: string): number | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (!(value instanceof JsonNumber)) return this.#mismatch(value, path, 'float32')
    const rounded = shortestFloat32(Number(value.text))
    return Number.isFinite(rounded) ? rounded : this.#unfit(value, path, 'float32')
  }

  /** A 64-bit integer, a bigint where a number would round it. */
  int64(name: string, path: string): number | bigint | undefined {
    const value = this.#values.get(name)
    return value === undefined ? undefined : this.#integer(value, path)
  }

  /** A list of such. */
  int64s(name: string, path: string): (number | bigint)[] | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) return this.#mismatch(value, path, '[]int64')
    return value.map(item => this.#integer(item, path))
  }

  #integer(value: Json, path: string): number | bigint {
    if (!(value instanceof JsonNumber)) return this.#mismatch(value, path, 'int64')
    const isInteger =
      /^-?\d+$/.test(value.text) && BigInt.asIntN(64, BigInt(value.text)) === BigInt(value.text)
    if (!isInteger) return this.#unfit(value, path, 'int64')
    const number = Number(value.text)
    return Number.isSafeInteger(number) ? number : BigInt(value.text)
  }

  #unfit({ text }: JsonNumber, path: string, wanted: string): never {
    throw badBody(`json: cannot unmarshal number ${text} into Go struct field ${path} of type ${wanted}`)
  }

  #mismatch(value: Json, path: string, wanted: string): never {
    throw badBody(`json: cannot unmarshal ${kindOf(value)} into Go struct field ${path} of type ${wanted}`)
  }
}

function shortestFloat32(value: number): number {
  const single = Math.fround(value)
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(single.toPrecision(digits))
    if (Math.fround(shorter) === single) return shorter
  }
  return Number(single.toPrecision(9))
}

/** Writes a value of plain data, bigints included. */
export function writeJson(value: unknown): string {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
  const text = JSON.stringify(value, (_key, item) =>
    typeof item === 'bigint' ? rawJSON(String(item)) : item,
  )
  return text.replace(/[<>&\u2028\u2029]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
