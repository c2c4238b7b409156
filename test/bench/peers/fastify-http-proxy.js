// @fastify/http-proxy as its README has it, without a log. Plain JavaScript, as all here: its types are not installed
// where the project's are checked.
import proxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { sayReady } from '../child.ts'

const app = fastify()
app.register(proxy, { upstream: process.env.UPSTREAM_URL, prefix: '/proxy' })
await app.listen({ host: '127.0.0.1', port: 0 })
sayReady({ http: app.addresses()[0].port })
