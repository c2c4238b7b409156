// A collector that takes OTLP over HTTP in protobuf, and reads of it what the tests ask about.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

type Attributes = Record<string, string | number | boolean>

export interface CollectedSpan {
  traceId: string
  spanId: string
  /** Empty where there is none. */
  parentId: string
  name: string
  /** 2 is a server's span, 3 a client's. */
  kind: number
  attributes: Attributes
  /** 2 is an error. */
  statusCode: number
  /** Of the process that it comes from. */
  resource: Attributes
}

export interface CollectedPoint {
  name: string
  unit: string
  attributes: Attributes
  /** Of a counter or a gauge. */
  value: number
  /** Of a histogram. */
  count: number
  buckets: number[]
}

export interface OtlpCollector {
  readonly url: string
  readonly spans: CollectedSpan[]
  /** The last report of the metrics. */
  points: CollectedPoint[]
  close(): Promise<void>
}

export async function startCollector(): Promise<OtlpCollector> {
  const collected = { spans: [] as CollectedSpan[], points: [] as CollectedPoint[] }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    if (request.headers['content-type'] !== 'application/x-protobuf') response.statusCode = 415
    else if (request.url === '/v1/traces') collected.spans.push(...spansOf(body))
    else if (request.url === '/v1/metrics') collected.points = pointsOf(body)
    else response.statusCode = 404
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(collected, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  })
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A message of protobuf: every value of every field, by the field's number. */
class Message {
  readonly #fields = new Map<number, (Buffer | number)[]>()

  constructor(bytes: Buffer) {
    for (let at = 0; at < bytes.length; ) {
      const tag = varint(bytes, at)
      const [value, next] = valueAt(bytes, tag.next, tag.value & 7)
      const number = tag.value >> 3
      this.#fields.set(number, [...(this.#fields.get(number) ?? []), value])
      at = next
    }
  }

  bytes(number: number): Buffer {
    return (this.#fields.get(number)?.[0] as Buffer | undefined) ?? Buffer.alloc(0)
  }

  number(number: number): number {
    return (this.#fields.get(number)?.[0] as number | undefined) ?? 0
  }

  has(number: number): boolean {
    return this.#fields.has(number)
  }

  messages(number: number): Message[] {
    return (this.#fields.get(number) ?? []).map(value => new Message(value as Buffer))
  }

  /** Fixed 64-bit values, packed or not. */
  doublesOrLongs(number: number): Buffer[] {
    const whole = Buffer.concat((this.#fields.get(number) ?? []).map(value => value as Buffer))
    return Array.from({ length: whole.length / 8 }, (_, index) => whole.subarray(index * 8, index * 8 + 8))
  }
}

function varint(bytes: Buffer, start: number): { value: number; next: number } {
  let value = 0
  let at = start
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]!
    value += (byte & 127) * scale
    if (byte < 128) return { value, next: at }
  }
}

function valueAt(bytes: Buffer, at: number, wireType: number): [Buffer | number, number] {
  if (wireType === 0) {
    const { value, next } = varint(bytes, at)
    return [value, next]
  }
  if (wireType === 1) return [bytes.subarray(at, at + 8), at + 8]
  if (wireType === 5) return [bytes.subarray(at, at + 4), at + 4]
  if (wireType !== 2) throw new Error(`no such wire type: ${wireType}`)
  const { value: length, next } = varint(bytes, at)
  return [bytes.subarray(next, next + length), next + length]
}

function attributesOf(pairs: Message[]): Attributes {
  return Object.fromEntries(
    pairs.map(pair => {
      const [value] = pair.messages(2)
      return [pair.bytes(1).toString(), value === undefined ? '' : anyValue(value)]
    }),
  )
}

function anyValue(value: Message): string | number | boolean {
  if (value.has(2)) return value.number(2) === 1
  if (value.has(3)) return value.number(3)
  if (value.has(4)) return value.bytes(4).readDoubleLE()
  return value.bytes(1).toString()
}

function spansOf(body: Buffer): CollectedSpan[] {
  return new Message(body).messages(1).flatMap(resourceSpans => {
    const resource = attributesOf(resourceSpans.messages(1).flatMap(message => message.messages(1)))
    const spans = resourceSpans.messages(2).flatMap(scope => scope.messages(2))
    return spans.map(span => ({
      traceId: span.bytes(1).toString('hex'),
      spanId: span.bytes(2).toString('hex'),
      parentId: span.bytes(4).toString('hex'),
      name: span.bytes(5).toString(),
      kind: span.number(6),
      attributes: attributesOf(span.messages(9)),
      statusCode: span.messages(15)[0]?.number(3) ?? 0,
      resource,
    }))
  })
}

const GAUGE = 5
const SUM = 7
const HISTOGRAM = 9

function pointsOf(body: Buffer): CollectedPoint[] {
  const metrics = new Message(body)
    .messages(1)
    .flatMap(resource => resource.messages(2))
    .flatMap(scope => scope.messages(2))
  return metrics.flatMap(metric => {
    const about = { name: metric.bytes(1).toString(), unit: metric.bytes(3).toString() }
    const numbers = [...metric.messages(GAUGE), ...metric.messages(SUM)].flatMap(data => data.messages(1))
    const histograms = metric.messages(HISTOGRAM).flatMap(data => data.messages(1))
    return [
      ...numbers.map(point => ({
        ...about,
        attributes: attributesOf(point.messages(7)),
        value: point.bytes(4).readDoubleLE(),
        count: 0,
        buckets: [],
      })),
      ...histograms.map(point => ({
        ...about,
        attributes: attributesOf(point.messages(9)),
        value: 0,
        count: Number(point.bytes(4).readBigUInt64LE()),
        buckets: point.doublesOrLongs(6).map(long => Number(long.readBigUInt64LE())),
      })),
    ]
  })
}
