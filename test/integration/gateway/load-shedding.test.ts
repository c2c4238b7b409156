import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import { json, startUpstream, type TestUpstream } from '../../support/gateway-upstream.ts'
import { quiet } from '../../support/toxic-lab.ts'

let upstream: TestUpstream
let gateway: GatewayProcess
beforeEach(async () => {
  upstream = await startUpstream(json({ ok: true }))
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

async function start(settings: Record<string, string>): Promise<void> {
  gateway = await spawnGateway({ UPSTREAM_URL: upstream.url, LOG_LEVEL: 'silent', CACHE: 'off', ...settings })
}

const ask = async (path: string) => {
  const { status, headers } = await fetch(`http://127.0.0.1:${gateway.ports.http}${path}`)
  return { status, retryAfter: headers.get('retry-after') }
}
const PATHS = ['/proxy/a', '/aggregate/areas', '/unknown', '/health']

/** Well over the 200 ms that are the default. */
const STALL_MS = 600

/** What these are answered that arrive while the process stands still. */
async function askDuringStall(paths: readonly string[]) {
  let isAnswered = false
  gateway.child.kill('SIGSTOP')
  const answers = Promise.all(paths.map(ask))
  answers.then(() => {
    isAnswered = true
  })
  await quiet(STALL_MS)
  expect(isAnswered).toBe(false)
  gateway.child.kill('SIGCONT')
  return answers
}

test('requests that the event loop comes to too late are refused, /health is not, and soon all is well', async () => {
  await start({})
  await eventually(async () => expect((await ask('/proxy/a')).status).toBe(200))
  const called = upstream.requests.length
  const overloaded = { status: 503, retryAfter: '1' }
  expect(await askDuringStall(PATHS)).toEqual([
    ...[overloaded, overloaded, overloaded],
    { status: 200, retryAfter: null },
  ])
  expect(upstream.requests.length).toBe(called)
  await eventually(async () => expect((await ask('/proxy/a')).status).toBe(200))
})

test.each([
  ['without guards', { GUARDS: 'none' }],
  ['with SHED_LAG_MS=0', { SHED_LAG_MS: '0' }],
])('%s nothing is refused', async (_what, settings) => {
  await start(settings)
  await eventually(async () => expect((await ask('/proxy/a')).status).toBe(200))
  const statuses = (await askDuringStall(['/proxy/a', '/health'])).map(({ status }) => status)
  expect(statuses).toEqual([200, 200])
})
