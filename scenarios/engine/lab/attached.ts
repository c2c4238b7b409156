// A lab that somebody else runs, such as the one in docker-compose.yml: the environment says where it is.
import { join, resolve } from 'node:path'
import { startGuardian } from '../../../chaos/guard-run.ts'
import { startChild } from '../../../chaos/supervise.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import type { Plan } from '../plan.ts'
import { lineOf, RunError } from '../run-error.ts'
import { type Arm, type Scenario, USUAL_UPSTREAM } from '../scenario.ts'
import { assertExtensions } from './extensions.ts'
import { Closers, hostAndPort, type Lab, type LabArm, leaseOn } from './lab.ts'

type Environment = Record<string, string | undefined>

/** Whether the environment describes a lab to attach to. */
export function describesLab(env: Environment): boolean {
  return Object.keys(env).some(name => /^LAB_.+_(GATEWAY|ENTRY)$/.test(name))
}

/**
 * Attaches to the lab that the environment describes, for each arm by its name in capitals:
 * LAB_<ARM>_GATEWAY, _ADMIN and _ENTRY (URLs), _PROXY (the entry's name in Toxiproxy), _ORIGIN (URL, optional);
 * TOXIPROXY_URL and ADMIN_TOKEN for all.
 * @throws RunError naming every variable that is missing or wrong, or what such a lab cannot do
 */
export async function attachLab(plan: Plan, env: Environment): Promise<Lab> {
  assertPossible(plan.scenario)
  const arms = readArms(plan, env)
  const { toxiproxy, upstream } = plan.options
  if (toxiproxy === undefined)
    throw new RunError('an attached lab needs TOXIPROXY_URL, such as http://toxiproxy:8474')
  const closers = new Closers()
  try {
    const control = await connectToxiproxy(toxiproxy)
    await assertExtensions(plan.scenario, control)
    await assertEntries(control, arms, upstream)
    const guardian = startGuardian()
    closers.add('guardian', 'guardian', () => guardian.dismiss())
    await guardian.ready
    const lease = await leaseOn(control, closers)
    const load = await startChild({
      name: 'load generator',
      entry: join(resolve(import.meta.dirname, '..'), 'load/main.ts'),
      args: [],
      env,
      readyWithinMs: 10_000,
      guardian,
    })
    closers.add('processes', 'load generator', () => load.stop({ withinMs: 2_000 }))
    return {
      kind: 'attached',
      toxiproxy: control,
      toxiproxyKind: 'server',
      toxiproxyVersion: await control.version(),
      ...(env.ADMIN_TOKEN === undefined ? {} : { adminToken: env.ADMIN_TOKEN }),
      guardian,
      lease,
      load,
      arms,
      close: () => closers.run(),
    }
  } catch (error) {
    await closers.run()
    throw error instanceof RunError ? error : new RunError(lineOf(error), { cause: error })
  }
}

/** What needs processes of our own is refused before anything is touched. */
function assertPossible({ name, phases, upstream }: Scenario): void {
  const cannot = (what: string) =>
    new RunError(
      `${name} ${what}, which cannot be done in an attached lab: run it in one of our own, without LAB_* variables`,
    )
  if (phases.some(phase => phase.faults.some(fault => fault.kind === 'pause'))) {
    throw cannot('pauses a process')
  }
  if (JSON.stringify(upstream) !== JSON.stringify(USUAL_UPSTREAM)) {
    throw cannot(`tells the sample service how to be (${JSON.stringify(upstream)})`)
  }
}

function readArms({ scenario }: Plan, env: Environment): LabArm[] {
  const problems: string[] = []
  const arms = scenario.arms.map(arm => readArm(arm, env, problems))
  if (problems.length === 0) return arms
  const names = scenario.arms.map(arm => arm.name).join(', ')
  throw new RunError(
    `${scenario.name} needs the arms ${names}, and this lab has ${problems.join(', ')}: ` +
      'set them, or run it in a lab of our own, without LAB_* variables',
  )
}

function readArm(arm: Arm, env: Environment, problems: string[]): LabArm {
  const prefix = `LAB_${arm.name.toUpperCase().replaceAll('-', '_')}`
  const isThere = Object.keys(env).some(name => name.startsWith(`${prefix}_`))
  if (!isThere) problems.push(`no ${prefix}_*`)
  const need = (what: string) => {
    const value = env[`${prefix}_${what}`] ?? ''
    if (isThere && value === '') problems.push(`no ${prefix}_${what}`)
    return value
  }
  const url = (what: string) => {
    const value = need(what)
    if (value !== '' && URL.parse(value)?.protocol !== 'http:') {
      problems.push(`${prefix}_${what}=${value} is no http:// address`)
    }
    return value.replace(/\/+$/, '')
  }
  const shared = {
    arm,
    entry: need('PROXY'),
    entryUrl: url('ENTRY'),
    ...(env[`${prefix}_ORIGIN`] ? { originUrl: url('ORIGIN') } : {}),
  }
  if (arm.through === 'direct') return { ...shared, loadUrl: shared.entryUrl }
  return { ...shared, loadUrl: url('GATEWAY'), adminUrl: url('ADMIN') }
}

/** A wedged or foreign server is told before the load starts, and so is a fault that somebody left in. */
async function assertEntries(control: Toxiproxy, arms: LabArm[], yours: string | undefined): Promise<void> {
  const proxies = await control.listProxies()
  for (const { entry } of arms) {
    const found = proxies.find(proxy => proxy.name === entry)
    if (found === undefined) {
      const names = proxies.map(proxy => proxy.name).join(', ') || 'none'
      throw new RunError(`the Toxiproxy has no proxy "${entry}"; it has ${names}`)
    }
    if (!found.enabled || found.toxics.length > 0) {
      const fault = found.enabled ? found.toxics.join(', ') : 'it is disabled'
      throw new RunError(
        `proxy "${entry}" is not clean, a fault was left in (${fault}): restart the Toxiproxy, or POST ${control.url}/reset`,
      )
    }
    if (yours !== undefined && found.upstream !== hostAndPort(yours)) {
      throw new RunError(
        `proxy "${entry}" leads to ${found.upstream}, not to ${hostAndPort(yours)}: correct --upstream, or the proxy`,
      )
    }
  }
}
