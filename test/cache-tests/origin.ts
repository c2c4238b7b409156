// The suite's own origin, its handlers as they are, but on loopback and a free port: its own entry listens to
// everyone and serves the files of its folder.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

type Handler = (segments: string[], request: IncomingMessage, response: ServerResponse) => void

const folder = join(import.meta.dirname, 'node_modules/http-cache-tests/server')
const handlers: Record<string, Handler> = {
  config: await handlerOf('handle-config.mjs'),
  test: await handlerOf('handle-test.mjs'),
  state: await handlerOf('handle-state.mjs'),
}

async function handlerOf(file: string): Promise<Handler> {
  return (await import(join(folder, file))).default
}

const server = createServer((request, response) => {
  const [kind = '', ...segments] = request.url!.slice(1).split('?')[0]!.split('/')
  const handler = handlers[kind]
  if (handler !== undefined) return handler(segments, request, response)
  response.writeHead(404).end()
})
server.listen(0, '127.0.0.1', () => {
  process.send?.({ ready: true, ports: { http: (server.address() as AddressInfo).port } })
})
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))
