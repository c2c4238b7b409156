// The upstream where there is no nginx: BODY at every path but one, which tells how often it was asked; under PRIVATE
// with `no-store`.
import { createServer } from 'node:http'
import { listenOn } from '../child.ts'

const body = Buffer.from(process.env.BODY ?? '')
let requests = 0
const server = createServer((request, response) => {
  requests += 1
  const answer = request.url === process.env.COUNT_PATH ? Buffer.from(String(requests)) : body
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(answer.length)]
  if (request.url?.startsWith(process.env.PRIVATE!)) headers.push('Cache-Control', 'no-store')
  response.writeHead(200, headers)
  response.end(answer)
})
listenOn(server)
