// `npm run dev`: two processes that come and go together.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { command } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { markedProcesses } from '../support/marked-processes.ts'

const MARK = 'LEEWARD_E2E'
const STARTED_WITHIN_MS = 20_000
const ENDED_WITHIN_MS = 10_000

/** The gateway and the sample service behind it, both ready, on free ports. */
async function runningDev() {
  const mark = randomUUID()
  const processes = () => markedProcesses(MARK, mark)
  onTestFinished(() => {
    for (const pid of processes()) process.kill(pid, 'SIGKILL')
  })
  const run = command('scenarios/engine/dev.ts', [], {
    [MARK]: mark,
    PORT: '0',
    ADMIN_PORT: '0',
    ORIGIN_PORT: '0',
    UPSTREAM_URL: '',
  })
  await eventually(() => expect(run.stdout()).toMatch(/^upstream /m), STARTED_WITHIN_MS)
  expect(processes().length).toBe(3)
  return { run, processes }
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s ends both processes, and then it',
  {
    timeout: 60_000,
  },
  async signal => {
    const { run, processes } = await runningDev()
    run.kill(signal)
    expect(await run.ended).toBe(0)
    expect(processes()).toEqual([])
  },
)

test('kill -9 leaves neither process behind', { timeout: 60_000 }, async () => {
  const { run, processes } = await runningDev()
  run.kill('SIGKILL')
  await eventually(() => expect(processes()).toEqual([]), ENDED_WITHIN_MS)
})

test('a taken port of the sample service is told with what helps', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const run = command('scenarios/engine/dev.ts', [], { ORIGIN_PORT: String(port), UPSTREAM_URL: '' })
  expect(await run.ended).toBe(1)
  expect(run.stderr()).toBe(
    `port ${port}, for the sample areas service, is in use: ` +
      'ORIGIN_PORT=<a free port> npm run dev, or UPSTREAM_URL=<a service of your own> npm run dev\n',
  )
})
