// Reads JSON text as the real server does: the first value only, and numbers as they were written.
import { badBody } from '../api/api-error.ts'
import { endOfScalar, endOfString, refuse } from './json-token.ts'

/** A number as it was written, since 1.0 is no integer and 2^63 - 1 must survive. */
export class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Json = null | boolean | string | JsonNumber | Json[] | { [key: string]: Json }

/** The real server's is 10,000; nothing that either understands is deeper than 4. */
const DEEPEST = 1_000
const SPACE = 0x20
const WORDS = new Map<string, Json>([
  ['null', null],
  ['true', true],
  ['false', false],
])

/**
 * Reads the first value of a body; what follows it is ignored.
 * Not by `JSON.parse` with a reviver, which takes most of a second for 1 MiB of numbers, and 4 GB for 64 MiB of `{}`.
 * @throws ApiError 400
 */
export function parseJson(text: string): Json {
  return new JsonReader(text).read()
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): Json {
    this.#skipSpace()
    if (this.#at === this.#text.length) throw badBody('EOF')
    return this.#value(1)
  }

  #value(depth: number): Json {
    this.#skipSpace()
    const char = this.#text[this.#at]
    if (char === '"') return this.#string()
    if (char !== '{' && char !== '[') return this.#literal()
    if (depth > DEEPEST) this.#refuse('exceeded max depth')
    return char === '{' ? this.#object(depth) : this.#array(depth)
  }

  #array(depth: number): Json[] {
    const items: Json[] = []
    this.#at++
    if (this.#skips(']')) return items
    do items.push(this.#value(depth + 1))
    while (this.#skips(','))
    if (!this.#skips(']')) this.#refuse('after array element')
    return items
  }

  #object(depth: number): { [key: string]: Json } {
    const members: [key: string, value: Json][] = []
    this.#at++
    if (this.#skips('}')) return {}
    do {
      this.#skipSpace()
      if (this.#text[this.#at] !== '"') this.#refuse('looking for beginning of object key string')
      const key = this.#string()
      if (!this.#skips(':')) this.#refuse('after object key')
      members.push([key, this.#value(depth + 1)])
    } while (this.#skips(','))
    if (!this.#skips('}')) this.#refuse('after object key:value pair')
    return Object.fromEntries(members) // which takes `__proto__` for a key like any other
  }

  #string(): string {
    const start = this.#at
    this.#at = endOfString(this.#text, start)
    return (JSON.parse(this.#text.slice(start, this.#at)) as string).toWellFormed()
  }

  #literal(): Json {
    const start = this.#at
    this.#at = endOfScalar(this.#text, start)
    const text = this.#text.slice(start, this.#at)
    const word = WORDS.get(text)
    return word === undefined ? new JsonNumber(text) : word
  }

  #skips(char: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    while (this.#text.charCodeAt(this.#at) <= SPACE && ' \t\r\n'.includes(this.#text[this.#at]!)) this.#at++
  }

  #refuse(where: string): never {
    refuse(this.#text, this.#at, where)
  }
}
