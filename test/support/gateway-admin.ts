import { get } from 'node:http'

/** The admin port of a gateway, asked as an operator would. */
export interface AdminClient {
  put(path: string, body: unknown): Promise<AdminAnswer>
  post(path: string, body: unknown): Promise<AdminAnswer>
  get(path: string): Promise<AdminAnswer>
  /** Follows the event stream: what was heard so far, and the way to stop. */
  listen(): Promise<{ heard: { name: string; data: Record<string, unknown> }[]; close(): void }>
}

export interface AdminAnswer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the answer that it asks for
  body: any
}

export const TOKEN = 's3cret-token'

export function adminOf(url: string): AdminClient {
  const authorization = `Bearer ${TOKEN}`
  const ask = async (method: string, path: string, body?: unknown): Promise<AdminAnswer> => {
    const headers = { authorization, 'content-type': 'application/json' }
    const answer = await fetch(url + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await answer.json() }
  }
  return {
    put: (path, body) => ask('PUT', path, body),
    post: (path, body) => ask('POST', path, body),
    get: path => ask('GET', path),
    listen: () =>
      new Promise((resolve, reject) => {
        const heard: { name: string; data: Record<string, unknown> }[] = []
        let text = ''
        const request = get(`${url}/-/events`, { headers: { authorization }, agent: false }, answer => {
          answer.setEncoding('utf8').on('data', chunk => {
            const events = (text + chunk).split('\n\n')
            text = events.pop() ?? ''
            for (const event of events) {
              const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
              heard.push({ name, data: JSON.parse(data) })
            }
          })
          resolve({ heard, close: () => request.destroy() })
        })
        request.on('error', reject)
      }),
  }
}
