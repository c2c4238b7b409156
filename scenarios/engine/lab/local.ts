// A lab of our own: every process started here, on free loopback ports.
import { get } from 'node:http'
import { join, resolve } from 'node:path'
import { type Guardian, startGuardian } from '../../../chaos/guard-run.ts'
import type { HeldLease } from '../../../chaos/lease.ts'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import { connectToxiproxy, ignoreNotFound, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import type { Plan } from '../plan.ts'
import { lineOf, RunError } from '../run-error.ts'
import type { Arm } from '../scenario.ts'
import { assertExtensions, extensionsOf } from './extensions.ts'
import { Closers, hostAndPort, type Lab, type LabArm, leaseOn } from './lab.ts'

const root = resolve(import.meta.dirname, '../../..')
const ENTRIES = {
  load: join(root, 'scenarios/engine/load/main.ts'),
  origin: join(root, 'scenarios/engine/origin/main.ts'),
  gateway: join(root, 'src/main.ts'),
  toxiproxy: join(root, 'chaos/proxy/main.ts'),
}

const ANSWER_WITHIN_MS = 3_000

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
    const { upstream, toxiproxy, path = '/' } = plan.options
    if (upstream !== undefined) await assertAnswering(upstream, path)
    if (toxiproxy !== undefined) await assertExtensions(plan.scenario, await connectToxiproxy(toxiproxy))
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
    lease: toxiproxy.lease,
    load,
    ...(toxiproxy.child === undefined ? {} : { chaosProxy: toxiproxy.child }),
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

interface OpenToxiproxy {
  control: Toxiproxy
  lease: HeldLease | null
  child?: Child
}

async function openToxiproxy(site: Site): Promise<OpenToxiproxy> {
  const { toxiproxy } = site.plan.options
  if (toxiproxy !== undefined) {
    const control = await connectToxiproxy(toxiproxy)
    return { control, lease: await leaseOn(control, site.closers) }
  }
  const child = await startOwn(site, 'chaos proxy', ENTRIES.toxiproxy, {}, [
    '-host',
    '127.0.0.1',
    '-port',
    '0',
    '-seed',
    String(site.plan.options.seed),
    ...(extensionsOf(site.plan.scenario).length > 0 ? ['-extensions'] : []),
  ])
  const control = await connectToxiproxy(`http://127.0.0.1:${child.ports.api}`)
  return { control, lease: null, child }
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
  const isForeign = site.plan.options.toxiproxy !== undefined
  // Draws are seeded by name, so a name that need not be told from others' is the same in every run.
  const entry = isForeign ? `leeward-${process.pid}-${arm.name}` : arm.name
  const undo = isForeign ? site.guardian.remember(toxiproxy.undoProxy(entry)) : undefined
  const { listen } = await toxiproxy.createProxy({
    name: entry,
    listen: '127.0.0.1:0',
    upstream: upstream.address,
  })
  // In a server of our own it ends with the server.
  if (undo !== undefined) {
    site.closers.add('entries', `chaos entry ${entry}`, async () => {
      await toxiproxy.deleteProxy(entry).catch(ignoreNotFound)
      site.guardian.done(undo)
    })
  }
  const entryUrl = `http://${listen}`
  const origin = upstream.origin
  const { upstream: yours } = site.plan.options
  const shared = {
    arm,
    entry,
    entryUrl,
    ...(yours === undefined ? {} : { host: new URL(yours).host }),
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
    GUARDS: guardsOf(arm, site.env),
    UPSTREAM_URL: upstreamUrl,
    // By the chaos proxy's address it would look for a virtual host that nobody has.
    ...(site.plan.options.upstream === undefined
      ? {}
      : { UPSTREAM_HOST: new URL(site.plan.options.upstream).host }),
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_HOST: '127.0.0.1',
    ADMIN_PORT: '0',
  }
}

/** "All" leaves the caller the choice, as with every other setting. */
function guardsOf({ guards }: Arm, env: Environment): string {
  if (guards === 'all') return env.GUARDS || 'all'
  return guards === 'none' ? 'none' : guards.join(',')
}

/**
 * One request, so that a service that is not there, or does not know the path, is told before anything is started.
 * @throws RunError with the status, or why there is none
 */
async function assertAnswering(upstream: string, path: string): Promise<void> {
  const url = `${upstream}${path.replaceAll('{key}', '1')}`
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) =>
      reject(new RunError(`${why}: start your service, or correct --upstream and --path`))
    const request = get(url, { agent: false, timeout: ANSWER_WITHIN_MS }, response => {
      response.resume()
      const { statusCode = 0 } = response
      if (statusCode >= 200 && statusCode < 300) resolve()
      else fail(`${url} answers ${statusCode}, and only 2xx counts as good`)
    })
    request.once('timeout', () => {
      fail(`${url} does not answer within ${ANSWER_WITHIN_MS} ms`)
      request.destroy()
    })
    request.once('error', (error: NodeJS.ErrnoException) =>
      fail(`nothing answers at ${upstream} (${error.code ?? error.message})`),
    )
  })
}
