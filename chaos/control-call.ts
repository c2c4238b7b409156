// One call to a Toxiproxy control API as plain data, so that a process which knows nothing else can make it.
import { request } from 'node:http'

/** What to send where; `body` is JSON text. */
export interface ControlCall {
  method: 'GET' | 'POST' | 'DELETE'
  url: string
  body?: string
  headers?: Record<string, string>
}

export interface ControlAnswer {
  status: number
  text: string
}

/**
 * Sends the call over a connection of its own and reads the whole answer, whatever its status.
 * @throws when there is no whole answer within `timeoutMs`
 */
export function sendControlCall(call: ControlCall, timeoutMs: number): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const contentType = call.body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { ...contentType, ...call.headers }
    const outgoing = request(call.url, { method: call.method, headers, agent: false })
    const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    outgoing.on('error', reject)
    outgoing.on('close', () => clearTimeout(timer))
    outgoing.on('response', async answer => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk)
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
      } catch (error) {
        reject(error)
      }
    })
    outgoing.end(call.body)
  })
}
