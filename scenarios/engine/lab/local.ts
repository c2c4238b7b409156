// A lab of our own: every process started here, on free loopback ports.
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { type Guardian, startGuardian } from '../../../chaos/guard-run.ts'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import type { Plan } from '../plan.ts'
import { lineOf, RunError } from '../run-error.ts'
import { type Arm, GUARDS } from '../scenario.ts'
import { Closers, hostAndPort, type Lab, type LabArm } from './lab.ts'

const root = resolve(import.meta.dirname, '../../..')
const ENTRIES = {
  load: join(root, 'scenarios/engine/load/main.ts'),
  origin: join(root, 'scenarios/engine/origin/main.ts'),
  gateway: join(root, 'src/main.ts'),
  toxiproxy: join(root, 'chaos/proxy/main.ts'),
}

type Environment = Record<string, string | undefined>

/** What every step of the start needs. */
interface Site {
  plan: Plan
  env: Environment
  closers: Closers
  guardian: Guardian
}

/**
 * Starts the lab of a plan.
 * @param env the caller's environment: it reaches the gateways, so that the settings tried are the caller's own
 * @throws RunError when anything cannot start; what had started is ended first
 */
export async function openLocalLab(plan: Plan, env: Environment): Promise<Lab> {
  const closers = new Closers()
  try {
    if (plan.options.upstream !== undefined) await assertListening(plan.options.upstream)
    const guardian = startGuardian()
    closers.add('guardian', 'guardian', () => guardian.dismiss())
    return await openSite({ plan, env, closers, guardian })
  } catch (error) {
    await closers.run()
    throw error instanceof RunError ? error : new RunError(lineOf(error), { cause: error })
  }
}

async function openSite(site: Site): Promise<Lab> {
  const { plan, env, closers, guardian } = site
  const [, toxiproxy, load, ...upstreams] = await allSettled([
    guardian.ready,
    openToxiproxy(site),
    startOwn(site, 'load generator', ENTRIES.load, {}),
    ...plan.scenario.arms.map(arm => openUpstream(site, arm)),
  ])
  const arms = await allSettled(
    plan.scenario.arms.map((arm, index) =>
      openArm(site, arm, toxiproxy.control, upstreams[index] as Upstream),
    ),
  )
  return {
    kind: 'local',
    toxiproxy: toxiproxy.control,
    toxiproxyKind: plan.options.toxiproxy === undefined ? 'embedded' : 'server',
    toxiproxyVersion: await toxiproxy.control.version(),
    ...(env.ADMIN_TOKEN === undefined ? {} : { adminToken: env.ADMIN_TOKEN }),
    guardian,
    load,
    arms,
    close: () => closers.run(),
  }
}

/** Like Promise.all, but it fails only when nothing is under way any more: a late child would be nobody's to end. */
async function allSettled<const T extends readonly Promise<unknown>[]>(promises: T) {
  const results = await Promise.allSettled(promises)
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return Promise.all(promises)
}

async function startOwn(site: Site, name: string, entry: string, env: Environment, args: string[] = []) {
  const child = await startChild({
    name,
    entry,
    args,
    env: { ...site.env, ...env },
    readyWithinMs: 10_000,
    guardian: site.guardian,
  })
  site.closers.add('processes', name, () => child.stop({ withinMs: 2_000 }))
  return child
}

async function openToxiproxy(site: Site): Promise<{ control: Toxiproxy }> {
  const { toxiproxy } = site.plan.options
  if (toxiproxy !== undefined) return { control: await connectToxiproxy(toxiproxy) }
  const child = await startOwn(site, 'chaos proxy', ENTRIES.toxiproxy, {}, [
    '-host',
    '127.0.0.1',
    '-port',
    '0',
  ])
  return { control: await connectToxiproxy(`http://127.0.0.1:${child.ports.api}`) }
}

/** Where an arm's chaos entry leads to. */
interface Upstream {
  /** host:port */
  address: string
  origin?: Child
}

async function openUpstream(site: Site, arm: Arm): Promise<Upstream> {
  const { scenario, options } = site.plan
  if (options.upstream !== undefined) {
    return { address: hostAndPort(options.upstream) }
  }
  const origin = await startOwn(site, `origin of ${arm.name}`, ENTRIES.origin, {
    HOST: '127.0.0.1',
    PORT: '0',
    SEED: String(options.seed),
    MEDIAN_MS: String(scenario.upstream.medianMs),
    SIGMA: String(scenario.upstream.sigma),
    CAPACITY: String(scenario.upstream.capacity),
  })
  return { address: `127.0.0.1:${origin.ports.http}`, origin }
}

async function openArm(site: Site, arm: Arm, toxiproxy: Toxiproxy, upstream: Upstream): Promise<LabArm> {
  const entry = `leeward-${process.pid}-${arm.name}`
  const undo = site.guardian.remember(toxiproxy.undoProxy(entry))
  const { listen } = await toxiproxy.createProxy({
    name: entry,
    listen: '127.0.0.1:0',
    upstream: upstream.address,
  })
  site.closers.add('entries', `chaos entry ${entry}`, async () => {
    await toxiproxy.deleteProxy(entry)
    site.guardian.done(undo)
  })
  const entryUrl = `http://${listen}`
  const origin = upstream.origin
  const shared = {
    arm,
    entry,
    entryUrl,
    ...(origin === undefined ? {} : { origin, originUrl: `http://${upstream.address}` }),
  }
  if (arm.through === 'direct') return { ...shared, loadUrl: entryUrl }
  const gateway = await startOwn(
    site,
    `gateway ${arm.name}`,
    ENTRIES.gateway,
    gatewayEnvironment(site, arm, entryUrl),
  )
  return {
    ...shared,
    loadUrl: `http://127.0.0.1:${gateway.ports.http}`,
    adminUrl: `http://127.0.0.1:${gateway.ports.admin}`,
    gateway,
  }
}

function gatewayEnvironment(site: Site, arm: Arm, upstreamUrl: string): Environment {
  return {
    // Arms share a Redis, if there is one, but nothing in it.
    REDIS_PREFIX: `leeward:${process.pid}:${arm.name}:`,
    ...site.plan.scenario.settings,
    ...arm.settings,
    GUARDS: arm.guards === 'all' ? GUARDS.join(',') : arm.guards === 'none' ? 'none' : arm.guards.join(','),
    UPSTREAM_URL: upstreamUrl,
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_HOST: '127.0.0.1',
    ADMIN_PORT: '0',
  }
}

/** One connection, so that a service that is not there is told before anything is started. */
async function assertListening(upstream: string): Promise<void> {
  const { hostname, port } = new URL(upstream)
  await new Promise<void>((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 80),
      timeout: 3_000,
    })
    const fail = (why: string) => {
      socket.destroy()
      reject(
        new RunError(`nothing answers at ${upstream} (${why}): start your service, or correct --upstream`),
      )
    }
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => fail('no connection within 3 s'))
    socket.once('error', error => fail((error as NodeJS.ErrnoException).code ?? error.message))
  })
}
