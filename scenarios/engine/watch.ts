// Reads a gateway's event stream for the length of a run.
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { BreakerEvent, CountsEvent, HelloEvent } from '../../src/telemetry/events.ts'
import { RunError } from './run-error.ts'

/** What a gateway said of itself; grows while the run goes on. */
export interface GatewayRecord {
  hello: HelloEvent
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
  const url = new URL('/-/events', adminUrl)
  const response = await open(url, token)
  return new Promise((resolve, reject) => {
    const silent = setTimeout(() => reject(new RunError(`${url} said nothing within 3 s`)), 3_000)
    let record: GatewayRecord | undefined
    const close = () => {
      if (record !== undefined) record.isCutShort = false
      response.removeAllListeners('close')
      response.destroy()
    }
    const hear = (event: string, data: unknown) => {
      if (event === 'hello' && record === undefined) {
        clearTimeout(silent)
        record = { hello: data as HelloEvent, transitions: [], counts: [], isCutShort: false, close }
        resolve(record)
      }
      if (event === 'breaker') record?.transitions.push(data as BreakerEvent)
      if (event === 'counts') record?.counts.push(data as CountsEvent)
    }
    response.on('error', () => {})
    response.once('close', () => {
      clearTimeout(silent)
      if (record !== undefined) record.isCutShort = true
      reject(new RunError(`${url} closed its stream`))
    })
    readEvents(response, hear)
  })
}

function open(url: URL, token: string | undefined): Promise<IncomingMessage> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, response => {
      if (response.statusCode === 200) return resolve(response)
      response.resume()
      reject(
        new RunError(
          `${url} answered ${response.statusCode}: check ADMIN_TOKEN and the gateway's allowed hosts`,
        ),
      )
    })
    request.once('error', error => reject(new RunError(`no gateway answers at ${url}: ${error.message}`)))
  })
}

/** Server-sent events, one `event:` and one `data:` line each. */
function readEvents(response: IncomingMessage, hear: (event: string, data: unknown) => void): void {
  let event = 'message'
  createInterface({ input: response }).on('line', line => {
    if (line.startsWith('event:')) event = line.slice(6).trim()
    if (line.startsWith('data:')) hear(event, JSON.parse(line.slice(5)))
    if (line === '') event = 'message'
  })
}
