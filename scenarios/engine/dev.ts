// `npm run dev`: the gateway, and the sample areas service behind it unless UPSTREAM_URL names another.
import { resolve } from 'node:path'
import { type Child, startChild } from '../../chaos/supervise.ts'
import { lineOf } from './run-error.ts'

const root = resolve(import.meta.dirname, '../..')
const children: Child[] = []

async function start(name: string, entry: string, env: NodeJS.ProcessEnv): Promise<Child> {
  const child = await startChild({ name, entry: resolve(root, entry), args: [], env, readyWithinMs: 10_000 })
  children.push(child)
  return child
}

async function startOrigin(port: string): Promise<Child> {
  try {
    return await start('sample areas service', 'scenarios/engine/origin/main.ts', {
      ...process.env,
      PORT: port,
    })
  } catch (error) {
    if (!lineOf(error).includes('EADDRINUSE')) throw error
    const advice =
      'ORIGIN_PORT=<a free port> npm run dev, or UPSTREAM_URL=<a service of your own> npm run dev'
    throw new Error(`port ${port}, for the sample areas service, is in use: ${advice}`, { cause: error })
  }
}

let isStopping = false

async function stop(exitCode: number): Promise<void> {
  if (isStopping) return
  isStopping = true
  await Promise.all(children.map(child => child.stop({ withinMs: 6_000 })))
  process.exit(exitCode)
}

// The children have sessions of their own: a terminal that closes (SIGHUP) tells nobody but us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop(0))

try {
  let upstream = process.env.UPSTREAM_URL
  if (!upstream) {
    const origin = await startOrigin(process.env.ORIGIN_PORT ?? '8080')
    upstream = `http://127.0.0.1:${origin.ports.http}`
  }
  const gateway = await start('gateway', 'src/main.ts', { ...process.env, UPSTREAM_URL: upstream })
  console.log(`gateway   http://localhost:${gateway.ports.http}/aggregate/areas  (and /proxy/*, /health)`)
  console.log(`admin     http://localhost:${gateway.ports.admin}/-/stats`)
  console.log(`upstream  ${upstream}`)
  const ended = await Promise.race(
    children.map(child =>
      child.exited.then(({ code, signal }) => `${child.name} ended (${signal ?? `exit code ${code}`})`),
    ),
  )
  if (!isStopping) console.error(ended)
  await stop(1)
} catch (error) {
  console.error(lineOf(error))
  await stop(1)
}
