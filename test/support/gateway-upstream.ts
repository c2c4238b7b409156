import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A real HTTP upstream whose behaviour a test may change at any time, and which counts what reached it. */
export interface TestUpstream {
  readonly url: string
  readonly port: number
  /** Everything that reached it, in order. */
  readonly requests: IncomingMessage[]
  answer: RequestListener
  /** Stops listening and drops its connections: from now on it refuses. */
  refuse(): Promise<void>
  /** Listens on the same port again. */
  recover(): Promise<void>
  close(): Promise<void>
}

const HOST = '127.0.0.1'

export async function startUpstream(answer: RequestListener = json([])): Promise<TestUpstream> {
  const requests: IncomingMessage[] = []
  const upstream = { answer }
  let server: Server
  const listen = async (port: number) => {
    server = createServer((request, response) => {
      requests.push(request)
      upstream.answer(request, response)
    }).listen(port, HOST)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const stop = async () => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  const port = await listen(0)
  return Object.assign(upstream, {
    port,
    url: `http://${HOST}:${port}`,
    requests,
    refuse: stop,
    recover: async () => void (await listen(port)),
    close: stop,
  })
}

/** Answers with this, as JSON. */
export function json(body: unknown, headers: Record<string, string> = {}, status = 200): RequestListener {
  return (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

/** Never answers. */
export const silence: RequestListener = () => {}
