// JSON as the real server understands and writes it: case-blind keys, integers to 64 bits, its own escapes.
import { badBody } from '../api-error.ts'
import { type Json, JsonNumber } from './json-reader.ts'

export { type Json, JsonNumber, parseJson } from './json-reader.ts'

const LONGEST_INTEGER = '-9223372036854775808'.length

/** What a value is called in the real server's messages. */
export function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof JsonNumber) return 'number'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** The fields of a body that must be an object, or `null` for none at all. `target` stands in the message. */
export function fieldsOf(value: Json | undefined, target: string): Fields {
  if (value === undefined || value === null) return new Fields({})
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof JsonNumber) {
    throw badBody(`json: cannot unmarshal ${kindOf(value)} into Go ${target}`)
  }
  return new Fields(value)
}

/** Typed access to an object's fields, whatever the case of their names; a missing or null field is undefined. */
export class Fields {
  readonly #object: { [key: string]: Json }

  constructor(object: { [key: string]: Json }) {
    this.#object = object
  }

  any(name: string): Json | undefined {
    const isGiven = (key: string) => this.#object[key] !== null && key.toLowerCase() === name
    const key = Object.keys(this.#object).findLast(isGiven)
    return key === undefined ? undefined : this.#object[key]
  }

  string(name: string, path: string): string | undefined {
    const value = this.any(name)
    return value === undefined || typeof value === 'string' ? value : this.#mismatch(value, path, 'string')
  }

  boolean(name: string, path: string): boolean | undefined {
    const value = this.any(name)
    return value === undefined || typeof value === 'boolean' ? value : this.#mismatch(value, path, 'bool')
  }

  /** A 32-bit float, in the fewest digits that name it. */
  float32(name: string, path: string): number | undefined {
    const value = this.any(name)
    if (value === undefined) return undefined
    if (!(value instanceof JsonNumber)) return this.#mismatch(value, path, 'float32')
    const rounded = shortestFloat32(Number(value.text))
    return Number.isFinite(rounded) ? rounded : this.#unfit(value, path, 'float32')
  }

  /** A 64-bit integer, a bigint where a number would round it. */
  int64(name: string, path: string): number | bigint | undefined {
    const value = this.any(name)
    return value === undefined ? undefined : this.#integer(value, path)
  }

  /** A list of such. */
  int64s(name: string, path: string): (number | bigint)[] | undefined {
    const value = this.any(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) return this.#mismatch(value, path, '[]int64')
    return value.map(item => this.#integer(item, path))
  }

  #integer(value: Json, path: string): number | bigint {
    if (!(value instanceof JsonNumber)) return this.#mismatch(value, path, 'int64')
    return readInteger(value.text) ?? this.#unfit(value, path, 'int64')
  }

  #unfit({ text }: JsonNumber, path: string, wanted: string): never {
    throw badBody(`json: cannot unmarshal number ${text} into Go struct field ${path} of type ${wanted}`)
  }

  #mismatch(value: Json, path: string, wanted: string): never {
    throw badBody(`json: cannot unmarshal ${kindOf(value)} into Go struct field ${path} of type ${wanted}`)
  }
}

/** The 64-bit integer that is written there, a bigint where a number would round it; undefined when none is. */
export function readInteger(text: string): number | bigint | undefined {
  if (text.length > LONGEST_INTEGER || !/^-?\d+$/.test(text)) return undefined
  const integer = BigInt(text)
  if (BigInt.asIntN(64, integer) !== integer) return undefined
  return Number.isSafeInteger(Number(text)) ? Number(text) : integer
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
