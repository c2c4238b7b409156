// A bare node:http server that answers everything with the bytes it was told: ANSWER is `{ status, headers, body }`.
import { createServer } from 'node:http'
import { listenOn } from '../child.ts'

const { status, headers, body } = JSON.parse(process.env.ANSWER!) as {
  status: number
  headers: string[]
  body: string
}
const bytes = Buffer.from(body)
listenOn(
  createServer((_request, response) => {
    response.writeHead(status, headers)
    response.end(bytes)
  }),
)
