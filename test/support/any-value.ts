// Values for toxics of every sort, as they stand in JSON, with what a server is to make of them.
import fc from 'fast-check'
import { isList } from '../../chaos/proxy/attributes.ts'
import type { ListRange, Range, ToxicKind } from '../../chaos/proxy/pipe.ts'

type Meaning = bigint | bigint[]

/** As written, and what it means: undefined when it is to be refused. Nothing is written for the empty text. */
export interface Given {
  text: string
  means: Meaning | undefined
}
export type GivenAttributes = Record<string, Given>

const LEAST = -(2n ** 63n)
const MOST = 2n ** 63n - 1n

const given = (text: string, means: Meaning | undefined): Given => ({ text, means })
/** Mostly what is taken, since one value that is refused hides the others. */
const mostly = <T>(taken: fc.Arbitrary<T>, absent: fc.Arbitrary<T>, refused: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 8, arbitrary: taken },
    { weight: 2, arbitrary: absent },
    { weight: 1, arbitrary: refused },
  )

const takenInteger = fc
  .oneof(
    fc.bigInt({ min: LEAST, max: MOST }),
    fc.constantFrom(LEAST, MOST, 2n ** 53n + 1n, -1n, 0n, 1n, 2n ** 31n, 2n ** 62n + 1n),
    fc.bigInt({ min: -3n, max: 2_000n }),
  )
  .map(value => given(String(value), value))
const refusedValue = fc
  .oneof(
    fc.bigInt({ min: MOST + 1n, max: 2n ** 80n }).map(String),
    fc.bigInt({ min: -(2n ** 80n), max: LEAST - 1n }).map(String),
    fc.integer().map(value => `${value}.5`),
    fc.constantFrom(
      '1.0',
      '1e3',
      '-1E2',
      '9'.repeat(400),
      '1e400',
      '-0.1',
      'true',
      '{}',
      '[[]]',
      '["1"]',
      '{"a":1}',
    ),
    fc.string().map(value => JSON.stringify(value)),
  )
  .map(text => given(text, undefined))
const absent = (means: Meaning) => fc.constantFrom('null', '').map(text => given(text, means))

const anyInteger = mostly(
  takenInteger,
  absent(0n),
  fc.oneof(refusedValue, fc.constant(given('[1]', undefined))),
)
const takenList = fc.array(takenInteger, { maxLength: 4 }).map(items =>
  given(
    `[${items.map(({ text }) => text)}]`,
    items.map(({ means }) => means as bigint),
  ),
)
const anyList = mostly(takenList, absent([]), fc.oneof(refusedValue, fc.constant(given('1', undefined))))

/** Something for every attribute of the kind. */
export function anyAttributes({ attributes }: ToxicKind): fc.Arbitrary<GivenAttributes> {
  const anyOf = (range: Range | ListRange) => (isList(range) ? anyList : anyInteger)
  return fc.record(
    Object.fromEntries(Object.entries(attributes).map(([name, range]) => [name, anyOf(range)])),
  )
}

/** What the attributes mean together; undefined when one of them is refused. */
export function meanings(attributes: GivenAttributes): Record<string, Meaning> | undefined {
  const entries = Object.entries(attributes).map(([name, { means }]) => [name, means] as const)
  if (entries.some(([, means]) => means === undefined)) return undefined
  return Object.fromEntries(entries) as Record<string, Meaning>
}

/** Those that an update changes. */
export function written(attributes: GivenAttributes): GivenAttributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(([, { text }]) => text !== '' && text !== 'null'),
  )
}

/** As the API shows them, to the last digit. */
export function shown(meaning: Record<string, Meaning>): string {
  const one = (value: Meaning) => (typeof value === 'bigint' ? String(value) : `[${value}]`)
  return `{${Object.entries(meaning).map(([name, value]) => `"${name}":${one(value)}`)}}`
}

/** What the toxic is to work with: negative counts as 0. */
export function effective(meaning: Record<string, Meaning>): Record<string, number> {
  const integers = Object.entries(meaning).filter(([, value]) => typeof value === 'bigint')
  return Object.fromEntries(integers.map(([name, value]) => [name, Math.max(0, Number(value))]))
}

/** A toxicity as written, and whether it is a 32-bit float. */
export const anyToxicity = mostly(
  fc
    .constantFrom('0', '1', '1', '1', '5', '-1', '0.5', '1e-46', '3.4028234e38')
    .map(text => ({ text, isTaken: true })),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, min: -3.4e38, max: 3.4e38 })
    .map(value => ({ text: String(value), isTaken: true })),
  fc.constantFrom('1e39', '-1e39', '"1"', 'true', '[]', '{}').map(text => ({ text, isTaken: false })),
)

/** Whether a toxic of that toxicity acts; undefined where chance decides. */
export function actsAt(toxicity: string): boolean | undefined {
  const value = Math.fround(Number(toxicity))
  if (value <= 0) return false
  return value >= 1 ? true : undefined
}
