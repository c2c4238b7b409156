// Any value of any attribute: what the real server takes is taken and echoed to the last digit, and does no harm.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TOXIC_KINDS } from '../../../chaos/proxy/toxics/index.ts'
import { type Stream, toxicSchema } from '../../../chaos/toxic.ts'
import { eventually } from '../../support/eventually.ts'
import { quiet, whenEnded, whenReceived } from '../../support/toxic-lab.ts'
import { useWatchedProxy } from '../../support/watched-proxy.ts'

const RUNS = { seed: 20_261_123, numRuns: 15 }
const BODY = Buffer.from(Array.from({ length: 1_000 }, (_value, index) => `${index},`).join(''))

const { ask, lay, expectSound, log } = useWatchedProxy()

/** A value as it stands in the JSON, and what the server makes of it: undefined when it refuses it. */
interface Given {
  text: string
  means: bigint | undefined
}

const accepted = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n, 0n, 1n, 2n ** 31n, 2n ** 62n + 1n),
    fc.bigInt({ min: -3n, max: 2_000n }),
  )
  .map(value => ({ text: String(value), means: value }) as Given)
const absent = fc.constantFrom('null', '').map(text => ({ text, means: 0n }) as Given)
const refused = fc
  .oneof(
    fc.bigInt({ min: 2n ** 63n, max: 2n ** 80n }).map(String),
    fc.bigInt({ min: -(2n ** 80n), max: -(2n ** 63n) - 1n }).map(String),
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
      '[]',
      '[1]',
      '{"a":1}',
    ),
    fc.string().map(value => JSON.stringify(value)),
  )
  .map(text => ({ text, means: undefined }) as Given)
/** Mostly what is taken, since one value that is refused hides the others. */
const attribute = fc.oneof(
  { weight: 8, arbitrary: accepted },
  { weight: 2, arbitrary: absent },
  { weight: 1, arbitrary: refused },
)

/** A toxicity as written, and whether it is a 32-bit float. */
const toxicity = fc
  .oneof(
    fc.constantFrom('0', '1', '1', '1', '5', '-1', '0.5', '1e-46', '3.4028234e38'),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -3.4e38, max: 3.4e38 }).map(String),
  )
  .map(text => ({ text, isTaken: true }))
const wrongToxicity = fc
  .constantFrom('1e39', '-1e39', '"1"', 'true', '[]', '{}')
  .map(text => ({ text, isTaken: false }))
const anyToxicity = fc.oneof({ weight: 8, arbitrary: toxicity }, { weight: 1, arbitrary: wrongToxicity })
const anyStream = fc.constantFrom<Stream>('upstream', 'downstream')

function bodyOf(
  type: string,
  stream: string,
  toxicityText: string,
  attributes: Record<string, Given>,
): string {
  const given = Object.entries(attributes).filter(([, { text }]) => text !== '')
  const members = given.map(([name, { text }]) => `"${name.toUpperCase()}":${text}`)
  return `{"type":"${type}","stream":"${stream}","toxicity":${toxicityText},"attributes":{${members.join(',')}}}`
}

type Lab = Awaited<ReturnType<typeof lay>>
type Effective = Record<string, number>

/** Nothing arrives for a minute or more, unless the toxic goes. */
function holds(type: string, { rate, latency = 0, jitter = 0 }: Effective): boolean {
  return (type === 'bandwidth' && rate === 0) || (type === 'latency' && latency - jitter > 60_000)
}

/** Sends the body through the toxic and checks that what arrives is what the toxic says. */
async function expectHarmless(
  lab: Lab,
  type: string,
  stream: Stream,
  acts: boolean | undefined,
  values: Effective,
) {
  const { client, upstream } = await lab.join()
  const [writer, reader] = stream === 'upstream' ? [client, upstream] : [upstream, client]
  writer.socket.write(BODY)
  const whole = () => whenReceived(reader, BODY.length)
  const remove = () => lab.remove(`${type}_${stream}`)
  const isPrefix = () =>
    expect(reader.received().equals(BODY.subarray(0, reader.received().length))).toBe(true)

  if (acts && holds(type, values)) {
    await quiet(30)
    expect(reader.received().length).toBe(0)
  }
  if (acts === false) await whole()
  else if (type === 'limit_data' && acts) {
    const passes = Math.min(values.bytes!, BODY.length)
    if (values.bytes! <= BODY.length) await whenEnded(reader, 'fin')
    await eventually(() => expect(reader.received().length).toBe(passes))
  } else if (type === 'reset_peer' && acts) {
    if (values.timeout! < 100) await eventually(() => expect(reader.ending).toBeDefined())
    expect(reader.received().length).toBe(0)
  } else if (type === 'timeout') {
    await remove()
    if (acts) await whenEnded(reader, 'fin')
    if (acts) expect(reader.received().length).toBe(0)
  } else if (acts && !['limit_data', 'reset_peer'].includes(type)) {
    await remove() // what is held is passed on
    await whole()
    writer.socket.end()
    await whenEnded(reader, 'fin')
  }
  isPrefix()
}

describe.each([...TOXIC_KINDS])('%s', (type, kind) => {
  const attributes = fc.record(
    Object.fromEntries(Object.keys(kind.attributes).map(name => [name, attribute])),
  )

  test('takes, echoes and lives with what the real server takes, and refuses what it refuses', async () => {
    const whatever = fc.asyncProperty(
      attributes,
      attributes,
      anyToxicity,
      anyStream,
      async (first, second, given, stream) => {
        const lab = await lay()
        const path = `/proxies/${lab.name}/toxics`
        const isTaken = given.isTaken && meanings(first) !== undefined
        const answer = await ask('POST', path, bodyOf(type, stream, given.text, first))
        expect(answer.status, answer.text).toBe(isTaken ? 200 : 400)
        if (isTaken) {
          const values = meanings(first)!
          expectEcho(answer.text, values, given.text)
          expect((await ask('GET', path)).text).toBe(`[${answer.text}]`)
          const updated = await ask(
            'PATCH',
            `${path}/${type}_${stream}`,
            bodyOf(type, stream, 'null', second),
          )
          expect(updated.status, updated.text).toBe(meanings(second) === undefined ? 400 : 200)
          const kept = updated.status === 200 ? { ...values, ...meanings(onlyGiven(second)) } : values
          expectEcho((await ask('GET', `${path}/${type}_${stream}`)).text, kept, given.text)
          await expectHarmless(lab, type, stream, actsAt(given.text), effective(kept))
        }
        await expectSound()
      },
    )
    await fc.assert(whatever, RUNS)
  })
})

/** What the attributes mean together; undefined when one of them is refused. */
function meanings(attributes: Record<string, Given>): Record<string, bigint> | undefined {
  const entries = Object.entries(attributes).map(([name, { means }]) => [name, means] as const)
  return entries.some(([, means]) => means === undefined)
    ? undefined
    : (Object.fromEntries(entries) as Record<string, bigint>)
}

const onlyGiven = (attributes: Record<string, Given>) =>
  Object.fromEntries(Object.entries(attributes).filter(([, { text }]) => text !== '' && text !== 'null'))

function expectEcho(text: string, values: Record<string, bigint>, toxicityText: string): void {
  const shown = Object.entries(values).map(([name, value]) => `"${name}":${value}`)
  expect(text).toContain(`{"attributes":{${shown.join(',')}},`)
  const [, echoed] = /"toxicity":([^}]+)\}/.exec(text) ?? []
  expect(Math.fround(Number(echoed))).toBe(Math.fround(Number(toxicityText)) + 0)
}

/** Undefined where chance decides. */
function actsAt(toxicityText: string): boolean | undefined {
  const value = Math.fround(Number(toxicityText))
  return value <= 0 ? false : value >= 1 ? true : undefined
}

/** Negative counts as 0. */
const effective = (values: Record<string, bigint>): Effective =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Math.max(0, Number(value))]))

test('a value that makes no sense leaves a warning in the log', async () => {
  const { addAsIs, name } = await lay()
  await addAsIs({ type: 'slicer', attributes: {} })
  await addAsIs({ type: 'latency', attributes: { latency: -5 } })
  await eventually(() => {
    expect(log()).toContain(
      `proxy ${name}, toxic slicer_downstream: average_size must be 1 to 1000000, got 0; kept`,
    )
    expect(log()).toContain(
      `proxy ${name}, toxic latency_downstream: latency must be 0 to 3600000, got -5; kept`,
    )
  })
})

describe('under -strict-values', () => {
  const strict = useWatchedProxy('-strict-values')

  const cases = [...TOXIC_KINDS].map(([type, { attributes }]) => {
    const values = Object.entries(attributes).map(([name, { least, most }]) => {
      const edges = fc.constantFrom(least - 1, least, least + 1, most - 1, most, most + 1)
      return [name, fc.oneof(edges, fc.integer({ min: least, max: most }))] as const
    })
    return { type, values: fc.record(Object.fromEntries(values)) }
  })

  test.each(cases)(
    '$type is taken when a scenario may have it, and refused by name and range when not',
    async ({ type, values }) => {
      const lab = await strict.lay()
      const path = `/proxies/${lab.name}/toxics`
      const toxicities = fc.constantFrom(0, 1, 0.5, 1, 1, -0.5, 1.5)
      const whatever = fc.asyncProperty(values, toxicities, async (attributes, toxicity) => {
        const toxic = { type, name: 'strict', stream: 'downstream', toxicity, attributes }
        const { success } = toxicSchema.safeParse(toxic)
        const { status, text } = await strict.ask('POST', path, toxic)
        expect(status, text).toBe(success ? 200 : 400)
        if (success) await strict.ask('DELETE', `${path}/strict`)
        else
          expect(JSON.parse(text).error).toMatch(
            /^((\w+) must be (less than|[-\d]+ to \d+).*, got .+(; )?)+$/,
          )
      })
      await fc.assert(whatever, { ...RUNS, numRuns: 100 })
      await strict.expectSound()
    },
  )

  test('an update out of range is refused too, and changes nothing', async () => {
    const { name } = await strict.lay()
    const path = `/proxies/${name}/toxics`
    await strict.ask('POST', path, { type: 'bandwidth', attributes: { rate: 7 } })
    const answer = await strict.ask('PATCH', `${path}/bandwidth_downstream`, { attributes: { rate: -1 } })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error).toBe('rate must be 0 to 10000000, got -1')
    expect((await strict.ask('GET', path)).text).toContain('"rate":7')
  })
})
