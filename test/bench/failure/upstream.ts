// An upstream that answers as FAILING says: with a list, with 500, or not at all (a reset).
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BODY = JSON.stringify({
  items: Array.from({ length: 20 }, (_, id) => ({ id, name: `area ${id}`, text: 'x'.repeat(50) })),
})
const failing = process.env.FAILING ?? 'no'

const server = createServer((request, response) => {
  if (failing === 'reset') {
    request.socket.resetAndDestroy()
    return
  }
  response.writeHead(failing === 'status' ? 500 : 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(BODY),
  })
  response.end(BODY)
}).listen(0, '127.0.0.1', () => {
  process.send?.({ ready: true, ports: { http: (server.address() as AddressInfo).port } })
})
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
