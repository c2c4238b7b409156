// What the packages cost by themselves: a Fastify route that hands every request to undici, and every answer back as it
// comes. Nothing is stripped, guarded, counted or logged.
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { type Dispatcher, Pool } from 'undici'
import { sayReady } from '../child.ts'

const PREFIX = '/proxy'
const OWN = new Set(['host', 'connection'])
const upstream = new Pool(process.env.UPSTREAM_URL!, { connections: 256, pipelining: 1, allowH2: false })
const app = fastify()

app.get(`${PREFIX}/*`, (request, reply) => {
  reply.hijack()
  const { rawHeaders, url } = request.raw
  const headers = rawHeaders.filter((_, index) => !OWN.has(rawHeaders[index - (index % 2)]!.toLowerCase()))
  const { raw } = reply
  let head: [status: number, headers: string[]] | undefined
  let last: Buffer | undefined
  const send = () => {
    if (!raw.headersSent) raw.writeHead(...head!)
  }
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart() {},
    onResponseStart(controller, status) {
      head = [status, (controller.rawHeaders as Buffer[]).map(part => part.toString('latin1'))]
    },
    onResponseData(_controller, chunk) {
      if (last !== undefined) {
        send()
        raw.write(last)
      }
      last = chunk
    },
    onResponseEnd() {
      send()
      raw.end(last)
    },
    onResponseError() {
      raw.destroy()
    },
  }
  upstream.dispatch({ method: 'GET', path: url!.slice(PREFIX.length), headers, blocking: false }, handler)
})

await app.listen({ host: '127.0.0.1', port: 0 })
sayReady({ http: (app.server.address() as AddressInfo).port })
