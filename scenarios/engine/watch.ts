// Reads a gateway's event stream for the length of a run.
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { BreakerEvent, CountsEvent, HelloEvent } from '../../src/telemetry/events.ts'
import { RunError } from './run-error.ts'

/** What a gateway said of itself; grows while the run goes on. */
export interface GatewayRecord {
  hello: HelloEvent
  /** Its configuration, without secrets. */
  settings: Record<string, string>
  transitions: BreakerEvent[]
  counts: CountsEvent[]
  /** The stream ended before `close` was called. */
  isCutShort: boolean
  close(): void
}

/**
 * Follows `<adminUrl>/-/events`.
 * @returns once the gateway has said hello
 * @throws RunError when it does not within 3 s
 */
export async function watchGateway(adminUrl: string, token: string | undefined): Promise<GatewayRecord> {
  const settings = await readSettings(new URL('/-/config', adminUrl), token)
  const url = new URL('/-/events', adminUrl)
  const stream = await ask(url, token)
  return new Promise((resolve, reject) => {
    const silent = setTimeout(() => {
      stream.destroy()
      reject(new RunError(`${url} said nothing within 3 s`))
    }, 3_000)
    const record = { settings, transitions: [], counts: [], isCutShort: false } as unknown as GatewayRecord
    record.close = () => {
      stream.off('close', onClose)
      stream.destroy()
    }
    readEvents(stream, (event, data) => {
      if (event === 'breaker') record.transitions.push(data as BreakerEvent)
      if (event === 'counts') record.counts.push(data as CountsEvent)
      if (event !== 'hello') return
      clearTimeout(silent)
      record.hello = data as HelloEvent
      resolve(record)
    })
    stream.on('error', () => {})
    stream.on('close', onClose)
    function onClose() {
      clearTimeout(silent)
      record.isCutShort = true
      reject(new RunError(`${url} closed its stream`))
    }
  })
}

async function readSettings(url: URL, token: string | undefined): Promise<Record<string, string>> {
  const answer = await ask(url, token)
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const config = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
}

/** One GET on a connection of its own; the answer is a 200 whose body has yet to be read. */
function ask(url: URL, token: string | undefined): Promise<IncomingMessage> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, response => {
      if (response.statusCode === 200) return resolve(response)
      response.resume()
      reject(
        new RunError(`${url} answered ${response.statusCode}: check ADMIN_TOKEN and ADMIN_ALLOWED_HOSTS`),
      )
    })
    request.once('error', error => reject(new RunError(`no gateway answers at ${url}: ${error.message}`)))
  })
}

/** Server-sent events, one `event:` and one `data:` line each. */
function readEvents(response: IncomingMessage, hear: (event: string, data: unknown) => void): void {
  let event = 'message'
  let data: string | undefined
  const lines = createInterface({ input: response })
  // It passes on what the stream already told: that a gateway is gone is said by its process.
  lines.on('error', () => {})
  lines.on('line', line => {
    if (line.startsWith('event:')) event = line.slice(6).trim()
    if (line.startsWith('data:')) data = line.slice(5)
    if (line !== '') return
    // Only a blank line makes an event whole; half of one, from a gateway that died, is none.
    if (data !== undefined) hear(event, JSON.parse(data))
    event = 'message'
    data = undefined
  })
}
