// Put into a process beside its own work (--import): says, when asked over IPC, what is left of its memory after a
// full collection, and how many sockets it has.
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Held {
  heapBytes: number
  /** Buffers, outside the heap. */
  externalBytes: number
  rssBytes: number
  /** Connections, from clients and to the upstream. */
  sockets: number
  timers: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** What finalizers let go of, and code that nothing has run since, falls only to a later one. */
const COLLECTIONS = 8
const PAUSE_MS = 20

process.on('message', async message => {
  if (message !== 'held') return
  for (let round = 0; round < COLLECTIONS; round++) {
    collect()
    await sleep(PAUSE_MS)
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo()
  const count = (name: string) => resources.filter(resource => resource === name).length
  process.send?.({
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    sockets: count('TCPSocketWrap'),
    timers: count('Timeout'),
  } satisfies Held)
})
