// A runner in small: starts children under a guardian, breaks things, and says so, to be killed by the test.
// Arguments: the URL of a Toxiproxy, and the name of its entry to break.
import { join } from 'node:path'
import { outage, toxic } from '../../../chaos/fault.ts'
import { startGuardian } from '../../../chaos/guard-run.ts'
import { inject } from '../../../chaos/inject.ts'
import { startChild } from '../../../chaos/supervise.ts'
import { latency } from '../../../chaos/toxic.ts'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'

const [url = '', proxyName = ''] = process.argv.slice(2)
const guardian = startGuardian()
await guardian.ready
const start = (name: string) =>
  startChild({ name, entry: join(import.meta.dirname, `${name}.ts`), readyWithinMs: 10_000, guardian })
const children = await Promise.all([start('plain'), start('stubborn'), start('stubborn')])

const toxiproxy = await connectToxiproxy(url)
const target = { toxiproxy, proxyName, guardian }
await inject(toxic(latency({ latencyMs: 5_000 })), target)
await inject(outage(), target)
await children[2]?.pause()
process.send?.({ guardian: guardian.pid, children: children.map(({ pid }) => pid) })
