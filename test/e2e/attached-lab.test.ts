// A lab that somebody else runs: what it cannot do is refused in one line, and it is left as it was.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { outage, pause, toxic } from '../../chaos/fault.ts'
import { latency } from '../../chaos/toxic.ts'
import { attachLab } from '../../scenarios/engine/lab/attached.ts'
import { planRun } from '../../scenarios/engine/plan.ts'
import { findScenario } from '../../scenarios/engine/registry.ts'
import { defineScenario, type ScenarioInput, usualPhases } from '../../scenarios/engine/scenario.ts'
import { scenario } from '../support/command.ts'
import { startGateway } from '../support/gateway-app.ts'
import { apiUrl, startEmbeddedProxy } from '../support/toxiproxy-subject.ts'

async function refused(args: string[], env: Record<string, string>): Promise<string> {
  const run = scenario(args, env)
  expect(await run.ended).toBe(4)
  expect(run.stderr().trimEnd().split('\n')).toHaveLength(1)
  return run.stderr()
}

/** An upstream that is never asked, a chaos proxy with an entry for each arm, and both gateways. */
async function startLab(): Promise<Record<string, string>> {
  const upstream = createServer()
  await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void upstream.close())
  const toxiproxy = await startEmbeddedProxy()
  onTestFinished(async () => void (await toxiproxy.stop()))
  const env: Record<string, string> = { TOXIPROXY_URL: apiUrl(toxiproxy) }
  for (const [arm, guards] of [
    ['guarded', 'all'],
    ['bare', 'none'],
  ] as const) {
    const created = await post(`${env.TOXIPROXY_URL}/proxies`, {
      name: arm,
      listen: '127.0.0.1:0',
      upstream: `127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    })
    const entryUrl = `http://${((await created.json()) as { listen: string }).listen}`
    const gateway = await startGateway({ UPSTREAM_URL: entryUrl, GUARDS: guards })
    onTestFinished(() => gateway.close())
    const prefix = `LAB_${arm.toUpperCase()}`
    env[`${prefix}_GATEWAY`] = gateway.url
    env[`${prefix}_ADMIN`] = gateway.adminUrl
    env[`${prefix}_ENTRY`] = entryUrl
    env[`${prefix}_PROXY`] = arm
  }
  return env
}

const post = (url: string, body: unknown) => fetch(url, { method: 'POST', body: JSON.stringify(body) })

const options = { quick: true, oneArm: false, control: false, seed: 1 }

describe('an attached lab', () => {
  test('without the arms that a scenario needs names them', async () => {
    const said = await refused(['cache-benefit'], { LAB_GUARDED_GATEWAY: 'http://127.0.0.1:1' })
    expect(said).toMatch(/cached, uncached, direct.*LAB_CACHED_\*.*LAB_UNCACHED_\*.*LAB_DIRECT_\*/)
  })

  test('with an address that is none, or a variable too few, names all of them at once', async () => {
    const said = await refused(['slow-upstream', '--one-arm'], {
      LAB_GUARDED_GATEWAY: 'gateway:3000',
      LAB_GUARDED_ENTRY: 'http://127.0.0.1:1',
    })
    expect(said).toMatch(/no LAB_GUARDED_PROXY.*LAB_GUARDED_GATEWAY=gateway:3000 .*no LAB_GUARDED_ADMIN/)
  })

  test('with a gateway that runs other settings says which, and the runner ends', async () => {
    const said = await refused(['slow-upstream', '--cache', 'redis'], await startLab())
    expect(said).toMatch(/arm guarded asks for CACHE=redis, and http:.* runs CACHE=memory/)
  })

  test('with a gateway that does not answer says so, and the runner ends', async () => {
    const env = { ...(await startLab()), LAB_BARE_ADMIN: 'http://127.0.0.1:1' }
    expect(await refused(['slow-upstream'], env)).toMatch(/no gateway answers at http:\/\/127\.0\.0\.1:1\//)
  })

  test('in which a fault was left says which, and leaves it alone', async () => {
    const env = await startLab()
    const toxics = `${env.TOXIPROXY_URL}/proxies/bare/toxics`
    await post(toxics, latency({ latencyMs: 10 }))
    expect(await refused(['slow-upstream'], env)).toMatch(/"bare" is not clean.*latency_downstream.*\/reset/)
    expect(await (await fetch(toxics)).json()).toHaveLength(1)
  })

  test('is used for an own service only when its proxy leads there', async () => {
    const said = await refused(['slow-upstream', '--upstream', 'http://elsewhere:8080'], await startLab())
    expect(said).toMatch(/"guarded" leads to 127\.0\.0\.1:\d+, not to elsewhere:8080/)
  })

  test('refuses what needs processes of our own before it touches anything', async () => {
    const slow = (await findScenario('slow-upstream')) as ScenarioInput
    const withFault = (fault: ReturnType<typeof outage>) =>
      planRun(defineScenario({ ...slow, phases: usualPhases([fault]) }), options)
    const narrow = planRun(defineScenario({ ...slow, upstream: { capacity: 5 } }), options)
    const env = { LAB_GUARDED_GATEWAY: 'http://127.0.0.1:1' }
    await expect(attachLab(withFault(pause('origin')), env)).rejects.toThrow(/pauses a process/)
    await expect(attachLab(narrow, env)).rejects.toThrow(/"capacity":5/)
    for (const fault of [outage(), toxic(latency({ latencyMs: 10 }))]) {
      await expect(attachLab(withFault(fault), env)).rejects.toThrow(/needs the arms/)
    }
  })
})
