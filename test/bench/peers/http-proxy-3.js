// http-proxy-3 with connections that are kept, which it does not do unasked.
import { Agent, createServer } from 'node:http'
import { createProxyServer } from 'http-proxy-3'
import { listenOn } from '../child.ts'

const proxy = createProxyServer({ target: process.env.UPSTREAM_URL, agent: new Agent({ keepAlive: true }) })
listenOn(
  createServer((request, response) => {
    request.url = request.url.slice('/proxy'.length)
    proxy.web(request, response)
  }),
)
