import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limitAt } from '../../../../src/limit.ts'
import { eventually } from '../../../support/eventually.ts'
import { startGateway, type TestGateway } from '../../../support/gateway-app.ts'

/** An upstream on a thread of its own, so that it answers in 60 ms while this one stands still. */
const UPSTREAM = `
  const { createServer } = require('node:http')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = createServer((request, response) => {
    Atomics.add(workerData, 0, 1)
    setTimeout(() => response.end('ok'), 60)
  }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

/** How many calls have reached the upstream: readable without the event loop. */
const calls = new Int32Array(new SharedArrayBuffer(4))
let worker: Worker
let gateway: TestGateway
beforeEach(async () => {
  worker = new Worker(UPSTREAM, { eval: true, workerData: calls })
  const port = await new Promise(resolve => worker.once('message', resolve))
  gateway = await startGateway({
    UPSTREAM_URL: `http://127.0.0.1:${port}`,
    GUARDS: 'deadline,bulkhead,breaker,attempt-limit',
    // Long enough for all to arrive on a busy machine, and over long before the end of the stall.
    ...{ ATTEMPT_LIMIT_MS: '1500', DEADLINE_MS: '1600' },
  })
})
afterEach(async () => {
  await gateway.close()
  await worker.terminate()
})

/** Holds the event loop right before it looks at its timers: from within a timer it would poll first. */
function stall(ms: number): Promise<void> {
  return new Promise(resolve => {
    setImmediate(() => {
      const end = performance.now() + ms
      while (performance.now() < end);
      resolve()
    })
  })
}

test('expired timers run before pending socket reads after a stall: ours is not taken for a slow upstream', async () => {
  const paths = Array.from({ length: 40 }, (_, index) => `${gateway.url}/proxy/${index}`)
  const answers = Promise.all(paths.map(path => fetch(path)))
  // All have arrived, so their answers come during the stall, and lie unread in the sockets at its end.
  await eventually(() => expect(calls[0]).toBe(paths.length))
  await stall(3_000)
  expect((await answers).map(({ status }) => status)).toEqual(paths.map(() => 200))
  const counts = await gateway.counts()
  expect(counts['breaker.refused']).toBeUndefined()
  expect(counts['attempt-limit.exceeded']).toBeUndefined()
})

test('`setTimeout` fires early by up to a millisecond: a limit of ours never does', async () => {
  const limits = Array.from({ length: 2_000 }, (_, index) => {
    const at = performance.now() + 5 + (index % 97) / 3
    return new Promise<number>(resolve => limitAt(at, () => resolve(performance.now() - at)))
  })
  expect(Math.min(...(await Promise.all(limits)))).toBeGreaterThanOrEqual(0)
})
