// The soak's clients: readers and writers who wait, and some who leave half-way. Starts and stops when told over IPC.
import { connect } from 'node:net'
import autocannon from 'autocannon'
import { sayReady } from '../child.ts'

export interface LoadTotals {
  answers: number
  /** By their first digit. */
  statuses: Record<string, number>
  errors: number
  left: number
}

const READERS = { connections: 30, overallRate: 600 }
const LEAVERS_PER_SECOND = 20
/** A leaver stays so long, in ms: in a fault nothing has come by then, in a calm perhaps all. */
const STAYS_MS = 30
const PATHS = 3_000
const LONGEST_SECONDS = 3_600

const target = new URL(process.env.TARGET!)
const totals: LoadTotals = { answers: 0, statuses: {}, errors: 0, left: 0 }
let count = 0
let stop: (() => Promise<void>) | undefined

function start(): () => Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const load: autocannon.Options = {
    url: target.href,
    ...READERS,
    duration: LONGEST_SECONDS,
    ignoreCoordinatedOmission: true,
    requests: [
      { setupRequest: request => ({ ...request, method: 'GET', path: pathOf('/proxy/areas/') }) },
      { setupRequest: request => ({ ...request, method: 'GET', path: '/aggregate/areas' }) },
      {
        setupRequest: request => ({
          ...request,
          method: 'POST',
          path: pathOf('/proxy/areas/'),
          body: '{"id":1}',
        }),
      },
    ],
  }
  const running = autocannon(load, () => resolve())
  running.on('response', (_client, status) => {
    const kind = status === undefined ? 'broken off' : `${Math.floor(status / 100)}xx`
    totals.answers += 1
    totals.statuses[kind] = (totals.statuses[kind] ?? 0) + 1
  })
  running.on('reqError', () => {
    totals.errors += 1
  })
  const leavers = setInterval(leave, 1_000 / LEAVERS_PER_SECOND)
  return async () => {
    clearInterval(leavers)
    running.stop()
    await ended
  }
}

function pathOf(prefix: string): string {
  count += 1
  return `${prefix}${count % PATHS}`
}

/** Asks, and is gone before it can have seen the whole. */
function leave(): void {
  const socket = connect(Number(target.port), target.hostname)
  socket.on('error', () => {})
  socket.write(`GET ${pathOf('/proxy/left/')} HTTP/1.1\r\nHost: ${target.host}\r\n\r\n`)
  setTimeout(() => {
    totals.left += 1
    socket.resetAndDestroy()
  }, STAYS_MS)
}

process.on('message', async message => {
  if (message === 'start') stop = start()
  if (message === 'stop') {
    await stop?.()
    process.send?.(totals)
  }
  if (message === 'totals') process.send?.(totals)
})

sayReady({})
