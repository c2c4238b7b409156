// autocannon's side of load.ts, in a process of its own. Prints the figures as JSON.
import autocannon from 'autocannon'
import type { Figures, Shot } from './load.ts'

const { url, connections, seconds, prefix } = JSON.parse(process.argv[2]!) as Shot
let count = 0
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  ...(prefix !== undefined && {
    requests: [
      {
        setupRequest(request) {
          count += 1
          return { ...request, path: `${prefix}${count}` }
        },
      },
    ],
  }),
})
console.log(
  JSON.stringify({
    requests: result.requests.total,
    seconds: result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    statuses: result.non2xx,
    errors: result.errors + result.timeouts,
  } satisfies Figures),
)
