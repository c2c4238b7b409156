// A runner in small, with a guardian and a lease: breaks things, and says so, to be killed by the test with its guardian.
// Arguments: the URL of a Toxiproxy, and the name of its entry to break.
import { outage, toxic } from '../../../chaos/fault.ts'
import { startGuardian } from '../../../chaos/guard-run.ts'
import { inject } from '../../../chaos/inject.ts'
import { latency } from '../../../chaos/toxic.ts'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'
import { Closers, leaseOn } from '../../../scenarios/engine/lab/lab.ts'

const [url = '', proxyName = ''] = process.argv.slice(2)
const guardian = startGuardian()
await guardian.ready
const toxiproxy = await connectToxiproxy(url)
await leaseOn(toxiproxy, new Closers())

const target = { toxiproxy, proxyName, guardian }
await inject(toxic(latency({ latencyMs: 5_000 })), target)
await inject(outage(), target)
await toxiproxy.createProxy({ name: 'ours', listen: '127.0.0.1:0', upstream: '127.0.0.1:9' })
// The channel to the test is all that keeps us alive.
process.on('message', () => {})
process.send?.({ guardian: guardian.pid })
