// Any value of any attribute: what the real server takes is taken and echoed to the last digit, and does no harm.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EXTENSION_KINDS } from '../../../chaos/proxy/toxics/extensions/index.ts'
import { TOXIC_KINDS } from '../../../chaos/proxy/toxics/index.ts'
import { type Stream, toxicSchema } from '../../../chaos/toxic.ts'
import {
  actsAt,
  anyAttributes,
  anyToxicity,
  effective,
  type GivenAttributes,
  meanings,
  shown,
  written,
} from '../../support/any-value.ts'
import { eventually } from '../../support/eventually.ts'
import type { End } from '../../support/tcp.ts'
import { quiet, whenEnded, whenReceived } from '../../support/toxic-lab.ts'
import { useWatchedProxy } from '../../support/watched-proxy.ts'

const RUNS = { seed: 20_261_123, numRuns: 12 }
const BODY = Buffer.from(Array.from({ length: 1_000 }, (_value, index) => `${index},`).join(''))

const { ask, lay, expectSound, log } = useWatchedProxy('-extensions')

/** A toxic at work on a stream, and both ends of that. */
interface Scene {
  writer: End
  reader: End
  values: Record<string, number>
  remove(): Promise<void>
}

const wholeBody = ({ reader }: Scene) => whenReceived(reader, BODY.length)
const nothingYet = ({ reader }: Scene) => expect(reader.received().length).toBe(0)

/** What a toxic that acts does to a body that was sent. Those that are not here hold it for a time, and let go of it when they go. */
const deeds: Record<string, (scene: Scene) => Promise<unknown>> = {
  async limit_data({ reader, values }) {
    const passes = Math.min(values.bytes!, BODY.length)
    if (values.bytes! <= BODY.length) await whenEnded(reader, 'fin')
    await eventually(() => expect(reader.received().length).toBe(passes))
  },
  async reset_peer(scene) {
    if (scene.values.timeout! < 100) await eventually(() => expect(scene.reader.ending).toBeDefined())
    nothingYet(scene)
  },
  async timeout(scene) {
    await scene.remove()
    await whenEnded(scene.reader, 'fin')
    nothingYet(scene)
  },
  async close_after({ reader, values }) {
    if (values.after! < 100) await eventually(() => expect(reader.ending).toBeDefined())
  },
  async bandwidth(scene) {
    if (scene.values.rate === 0) await quiet(30).then(() => nothingYet(scene))
    await lettingGo(scene)
  },
  async latency(scene) {
    const { latency = 0, jitter = 0 } = scene.values
    if (latency - jitter > 60_000) await quiet(30).then(() => nothingYet(scene))
    await lettingGo(scene)
  },
}

async function lettingGo(scene: Scene): Promise<void> {
  await scene.remove()
  await wholeBody(scene)
  scene.writer.socket.end()
  await whenEnded(scene.reader, 'fin')
}

type Lab = Awaited<ReturnType<typeof lay>>

/** Both ends of a connection, once a toxic that keeps it waiting for them has gone. */
async function join(lab: Lab, isKeptWaiting: boolean, remove: () => Promise<void>) {
  if (!isKeptWaiting) return await lab.join()
  const client = await lab.dial()
  await remove()
  const upstream = await eventually(() => lab.server.ends[0] ?? expect.fail('nobody dialled'))
  return { client, upstream }
}

/** Sends the body, and what arrives is what the toxic says. */
async function expectHarmless(
  lab: Lab,
  toxic: { type: string; stream: Stream; toxicity: string; values: Record<string, number> },
): Promise<void> {
  const { type, stream, values } = toxic
  const acts = actsAt(toxic.toxicity)
  const remove = () => lab.remove(`${type}_${stream}`)
  const isKeptWaiting = type === 'slow_accept'
  const { client, upstream } = await join(lab, isKeptWaiting, remove)
  const [writer, reader] = stream === 'upstream' ? [client, upstream] : [upstream, client]
  const scene = { writer, reader, values, remove }
  writer.socket.write(BODY)
  if (acts === false || isKeptWaiting) await wholeBody(scene)
  else if (acts) await (deeds[type] ?? lettingGo)(scene)
  expect(BODY.subarray(0, reader.received().length).equals(reader.received())).toBe(true)
}

/** The case of a key is nothing to go by. */
function bodyOf(type: string, stream: string, toxicity: string, attributes: GivenAttributes): string {
  const given = Object.entries(attributes).filter(([, { text }]) => text !== '')
  const members = given.map(([name, { text }]) => `"${name.toUpperCase()}":${text}`)
  return `{"type":"${type}","stream":"${stream}","toxicity":${toxicity},"attributes":{${members}}}`
}

function expectToxicity(text: string, given: string): void {
  const [, echoed] = /"toxicity":([^}]+)\}/.exec(text) ?? []
  expect(Math.fround(Number(echoed))).toBe(Math.fround(Number(given)) + 0)
}

describe.each([...TOXIC_KINDS, ...EXTENSION_KINDS])('%s', (type, kind) => {
  const attributes = anyAttributes(kind)
  const anyStream = fc.constantFrom<Stream>('upstream', 'downstream')

  test('takes, echoes and lives with what the real server takes, and refuses what it refuses', async () => {
    const whatever = fc.asyncProperty(
      attributes,
      attributes,
      anyToxicity,
      anyStream,
      async (first, second, toxicity, stream) => {
        const lab = await lay()
        const path = `/proxies/${lab.name}/toxics`
        const meaning = meanings(first)
        const answer = await ask('POST', path, bodyOf(type, stream, toxicity.text, first))
        expect(answer.status, answer.text).toBe(toxicity.isTaken && meaning !== undefined ? 200 : 400)
        if (answer.status === 200 && meaning !== undefined) {
          expect(answer.text).toContain(`{"attributes":${shown(meaning)},`)
          expectToxicity(answer.text, toxicity.text)
          expect((await ask('GET', path)).text).toBe(`[${answer.text}]`)

          const change = meanings(written(second))
          const updated = await ask(
            'PATCH',
            `${path}/${type}_${stream}`,
            bodyOf(type, stream, 'null', second),
          )
          expect(updated.status, updated.text).toBe(change === undefined ? 400 : 200)
          const kept = { ...meaning, ...change }
          expect((await ask('GET', path)).text).toContain(`{"attributes":${shown(kept)},`)
          await expectHarmless(lab, { type, stream, toxicity: toxicity.text, values: effective(kept) })
        }
        await expectSound()
      },
    )
    await fc.assert(whatever, RUNS)
  })
})

test('a value that makes no sense leaves a warning in the log', async () => {
  const { addAsIs, name } = await lay()
  await addAsIs({ type: 'slicer', attributes: {} })
  await addAsIs({ type: 'latency', attributes: { latency: -5 } })
  await eventually(() => {
    expect(log()).toContain(
      `proxy ${name}, toxic slicer_downstream: average_size must be 1 to 1000000, got 0; it is kept`,
    )
    expect(log()).toContain(
      `proxy ${name}, toxic latency_downstream: latency must be 0 to 3600000, got -5; it is kept`,
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
