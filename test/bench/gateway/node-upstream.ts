// The upstream where there is no nginx: BODY at every path but one, which tells how often it was asked.
import { createServer } from 'node:http'
import { listenOn } from '../child.ts'

const body = Buffer.from(process.env.BODY ?? '')
let requests = 0
const server = createServer((request, response) => {
  requests += 1
  const answer = request.url === process.env.COUNT_PATH ? Buffer.from(String(requests)) : body
  response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(answer.length)])
  response.end(answer)
})
listenOn(server)
