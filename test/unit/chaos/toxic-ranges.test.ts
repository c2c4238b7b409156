// A toxic has its ranges twice: in the proxy, which knows no zod, and in the vocabulary of scenarios. They agree.
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { EXTENSION_KINDS } from '../../../chaos/proxy/toxics/extensions/index.ts'
import { TOXIC_KINDS } from '../../../chaos/proxy/toxics/index.ts'
import { valueProblems } from '../../../chaos/proxy/value-problems.ts'
import * as make from '../../../chaos/toxic.ts'
import { toxicOf } from '../../support/staged-toxic.ts'

const KINDS = new Map([...TOXIC_KINDS, ...EXTENSION_KINDS])

interface JsonSchema {
  const?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  items?: JsonSchema
  properties: Record<string, JsonSchema>
}

/** The schema's ranges in the words of a kind of toxic. */
function rangeIn({ minimum, maximum, minItems, maxItems, items }: JsonSchema): object {
  if (items === undefined) return { least: minimum, most: maximum }
  expect(minItems).toBe(1)
  return { ...rangeIn(items), mostItems: maxItems }
}

const { oneOf: schemas } = z.toJSONSchema(make.toxicSchema) as unknown as { oneOf: JsonSchema[] }
const typeOf = ({ properties }: JsonSchema) => properties.type!.const!

describe('a toxic, in scenarios and in the proxy,', () => {
  test('has the same type, and every type is in both', () => {
    expect(schemas.map(typeOf)).toEqual([...KINDS.keys()])
  })

  test.each(schemas.map(schema => [typeOf(schema), schema] as const))(
    'has the same attributes in the same order, and their ranges: %s',
    (type, { properties }) => {
      const inSchema = Object.entries(properties.attributes!.properties).map(([name, attribute]) => [
        name,
        rangeIn(attribute),
      ])
      expect(inSchema).toEqual(Object.entries(KINDS.get(type)!.attributes))
    },
  )

  test('is called an extension by both, or by none', () => {
    for (const type of KINDS.keys()) {
      expect(make.isExtension({ type } as make.Toxic)).toBe(EXTENSION_KINDS.has(type))
    }
  })

  test.each([
    make.slicer({ averageBytes: 10, variationBytes: 10 }),
    make.logNormalLatency({ medianMs: 100, p99Ms: 99 }),
    make.paretoLatency({ leastMs: 100, p99Ms: 99 }),
    make.recordedLatency({ samplesMs: [] }),
  ])('contradicts itself in both: $type', toxic => {
    expect(make.toxicSchema.safeParse(toxic).success).toBe(false)
    expect(valueProblems(toxicOf(toxic.type, toxic.attributes))).toHaveLength(1)
  })

  test.each([
    make.latency({ latencyMs: 100, jitterMs: 100 }),
    make.slicer({ averageBytes: 10, variationBytes: 9 }),
    make.normalLatency({ meanMs: 100, deviationMs: 200 }),
    make.logNormalLatency({ medianMs: 100, p99Ms: 100 }),
    make.paretoLatency({ leastMs: 100, p99Ms: 100 }),
    make.recordedLatency({ samplesMs: [0] }),
    make.sharedBandwidth({ kilobytesPerSecond: 0 }),
    make.slowAccept({ delayMs: 0 }),
    make.closeAfter({ afterMs: 0 }),
  ])('makes sense to both: $type', toxic => {
    expect(make.toxicSchema.safeParse(toxic).success).toBe(true)
    expect(valueProblems(toxicOf(toxic.type, toxic.attributes))).toEqual([])
  })
})
